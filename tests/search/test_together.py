"""Several studies that share their workers: each comes to the answer that it comes to alone, and nobody idles."""

import dataclasses
import io
import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from benchmarks.chaos.journal import SleepingRun
from search.halted import heed
from search.keeper import LeaseKeeper
from search.leaving import LeavingStudy
from search.live import LiveScreen
from search.progress import PlainLines
from search.snapshot import take
from search.status_text import as_lines
from search.study import Study
from search.turns import TooManyFailures, serve
from search.worker import Worker
from search.workplace import Workplace
from storage.errors import StudyMissing
from storage.rows import ELSEWHERE, CellKey, Lease, Proposal, RunRow
from storage.store import Store
from storage.urls import sqlite_url
from tests.search.commands import SETTINGS, start_command, wait_until
from tests.search.studies import new_study
from tests.search.trials import WORKER


@pytest.fixture
def pair(at: Workplace) -> Iterator[list[Worker]]:
    """One worker in two studies, first and second: what it trains only sleeps, and takes no time."""
    studies = [small(at.study.store, name, lr) for name, lr in PAIR.items()]
    ids = [f"{WORKER}-{study.name}" for study in studies]
    leavings = [LeavingStudy(at.leaving) for _ in studies]

    def heed_all() -> None:
        for study, leaving in zip(studies, leavings, strict=True):
            heed(study, leaving)

    for study, worker in zip(studies, ids, strict=True):
        at.study.store.register_worker(study.study_id, worker, "here", 1, "cpu", {})
    keeper = LeaseKeeper(at.study.store, ids[0], 0.05, at.leaving, heed_all, also=ids[1:])
    places = [
        dataclasses.replace(at, study=study, leaving=leaving, keeper=keeper, begin=begin)
        for study, leaving in zip(studies, leavings, strict=True)
    ]
    yield [Worker(place, worker) for place, worker in zip(places, ids, strict=True)]
    keeper.close()


PAIR = {"first": 0.004, "second": 0.001}
FEW = ("stages.lr.trials=3", "stages.loss.trials=3", "stages.augment.trials=2", "budgets.claims=2")


def small(store: Store, name: str, lr: float) -> Study:
    return new_study(store, f"baseline.lr={lr}", *FEW, name=name)


def begin(recipe, replicate, at: Workplace) -> SleepingRun:
    return SleepingRun(recipe, replicate, 0.0)


def trained(study: Study) -> list[tuple]:
    """All that was trained and concluded, but for who did it when."""
    runs = sorted(study.store.runs(study.study_id), key=lambda row: (row.phase, row.number))
    told = [(r.phase, r.number, r.signature, r.replicate, r.stop, r.best_score, r.last_score) for r in runs]
    return [*told, *((v.stage, v.outcome, v.value, v.recipe) for v in study.store.verdicts(study.study_id))]


def test_each_study_of_a_pool_trains_and_answers_as_it_does_alone(at: Workplace, pair: list[Worker]) -> None:
    serve(pair, at.leaving, 60.0)
    for (name, lr), worker in zip(PAIR.items(), pair, strict=True):
        alone = small(at.study.store, f"{name}-alone", lr)
        Worker(dataclasses.replace(at, study=alone, begin=begin), WORKER).carry()
        assert alone.finished and worker.study.finished
        assert trained(worker.study) == trained(alone)


def hold_all(study: Study, phase: str, count: int) -> list[Lease]:
    """Somebody else has everything that the phase wants."""
    study.store.open_phase(study.study_id, phase, count)

    def draw(taken: frozenset[CellKey]) -> Proposal:
        return Proposal(CellKey("somebody-elses", len(taken)), "digest", "{}", "screen", "x", {}, {})

    got = [study.store.claim(study.study_id, phase, "other", uuid.uuid4().hex, draw) for _ in range(count)]
    return [lease for lease in got if isinstance(lease, Lease)]


def test_a_worker_takes_the_second_study_exactly_while_the_first_has_nothing_for_it(pair: list[Worker]) -> None:
    first, second = (worker.study for worker in pair)
    leases = hold_all(first, "pilot", 2)
    served: list[str] = []

    def noted(which: int, at: Workplace) -> None:
        served.append(pair[which].study.name)
        if len(served) == 3:
            for lease in leases:
                first.store.release(lease)  # from now on the first study has work again

    for which, worker in enumerate(pair):
        worker._at = dataclasses.replace(
            worker._at, begin=lambda r, n, at, which=which: (noted(which, at), begin(r, n, at))[1]
        )
    turns = iter(range(5))
    leaving = pair[0]._at.leaving._worker  # type: ignore[attr-defined]
    for worker in pair:
        worker.turn = _counted(worker.turn, turns, leaving)  # type: ignore[method-assign]
    serve(pair, leaving, 60.0)
    assert served[:5] == ["second"] * 3 + ["first"] * 2
    assert not [row for row in second.store.runs(second.study_id) if row.state == "RUNNING"]


def _counted(turn, turns, leaving):
    def counted():
        got = turn()
        if got == "trained" and next(turns, None) is None:
            leaving.after_trial()
        return got

    return counted


@pytest.mark.parametrize("how", ["drain", "now"])
def test_a_study_that_is_stopped_is_left_alone_and_the_others_are_answered(
    at: Workplace, pair: list[Worker], how: str
) -> None:
    first, second = (worker.study for worker in pair)
    first.store.stop(first.study_id, how, "me@here")  # type: ignore[arg-type]
    serve(pair, at.leaving, 60.0)
    assert second.finished and not first.store.runs(first.study_id)
    assert not at.leaving(), "the worker was not asked to leave"


def test_a_stop_in_the_middle_of_a_run_gives_that_run_back_and_goes_on_with_the_other(
    at: Workplace, pair: list[Worker]
) -> None:
    first, second = (worker.study for worker in pair)

    def slow(recipe, replicate, at: Workplace) -> SleepingRun:
        at.study.store.stop(first.study_id, "now", "me@here")
        return SleepingRun(recipe, replicate, 0.3)

    pair[0]._at = dataclasses.replace(pair[0]._at, begin=slow)
    serve(pair, at.leaving, 60.0)
    (row,) = first.store.runs(first.study_id)
    assert (row.state, row.stop) == ("WAITING", None)
    assert second.finished


def test_a_study_that_fails_here_or_is_deleted_is_told_when_the_others_are_over(
    at: Workplace, pair: list[Worker]
) -> None:
    second = pair[1].study

    def broken(recipe, replicate, at: Workplace) -> SleepingRun:
        raise RuntimeError("no such file")

    pair[0]._at = dataclasses.replace(pair[0]._at, begin=broken)
    with pytest.raises(TooManyFailures, match="no such file"):
        serve(pair, at.leaving, 60.0)
    assert second.finished

    third = small(at.study.store, "third", 0.002)
    other = Worker(dataclasses.replace(at, study=third, begin=begin), WORKER)
    third.store.delete("third")
    with pytest.raises(StudyMissing, match="study third was deleted while this worker was at work on it"):
        serve([other], at.leaving, 60.0)


def test_who_works_for_one_study_is_seen_alive_and_busy_in_the_other(pair: list[Worker]) -> None:
    first, second = (worker.study for worker in pair)
    keeper, leases = pair[0]._at.keeper, hold_all(first, "pilot", 1)
    lease = dataclasses.replace(leases[0], worker=f"{WORKER}-first")
    keeper.hold(lease, "pilot #0", lambda: None)  # type: ignore[arg-type, return-value]
    wait_until(lambda: take(second).workers[0].doing.startswith(ELSEWHERE))
    assert take(second).workers[0].doing == "at work for first/pilot #0"
    assert "at work for first/pilot #0; seen 0:00 ago" in "\n".join(as_lines(take(second)))
    keeper.let_go()
    wait_until(lambda: take(second).workers[0].doing == "waiting")


def test_in_a_log_each_line_names_its_study_and_on_a_terminal_each_has_its_share(
    at: Workplace, pair: list[Worker], capsys: pytest.CaptureFixture[str]
) -> None:
    serve(pair, at.leaving, 60.0)
    snapshots = [take(worker.study) for worker in pair]
    capsys.readouterr()
    PlainLines().show(*snapshots)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == sum(len(each.ended) for each in snapshots) + sum(2 + len(each.stages) for each in snapshots) - 2
    assert all(re.search(r"\] (first|second)  ", line) for line in told)

    for height in (12, 24, 60):
        drawn = io.StringIO()
        live = LiveScreen(Console(width=100, height=height, file=drawn, force_terminal=True))
        live.show(*snapshots)
        live.close()
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
        assert "first on digits" in plain and "second on digits" in plain


# A real launch


def stored(store: Store, name: str) -> Study | None:
    manifest = store.manifest(name)
    return Study.of(store, manifest) if manifest else None


def kill_a_worker_of(store: Store, name: str) -> RunRow:
    """Wait until somebody trains for that study, and kill it the hard way."""
    found: list[tuple[RunRow, int]] = []

    def at_work() -> bool:
        if (study := stored(store, name)) is None:
            return False
        pids = {worker.worker_id: worker.pid for worker in store.workers(study.study_id)}
        rows = [row for row in store.runs(study.study_id) if row.state == "RUNNING" and row.worker in pids]
        found[:] = [(row, pids[row.worker]) for row in rows if row.worker]
        return bool(found)

    wait_until(at_work, 180)
    row, pid = found[0]
    psutil.Process(pid).send_signal(signal.SIGKILL) if hasattr(signal, "SIGKILL") else psutil.Process(pid).kill()
    return row


def test_one_launch_answers_two_studies_though_a_worker_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "launch.log"
    more = ["--quick", "--trials", "2", "--set", "balance:baseline.lr=0.003", "--speculate", "off"]
    line = ["--study", "augment", "--study", "balance", *SETTINGS, *more, "--lease-seconds", "3"]
    launched = start_command("search.launch", *line, "--workers", "2", cwd=tmp_path, log=log)
    wait_until((tmp_path / "runs" / "ceteris.db").exists)
    store = Store.connect(sqlite_url(tmp_path / "runs" / "ceteris.db"))
    victim = kill_a_worker_of(store, "balance")
    assert launched.wait(300) == 0, log.read_text(encoding="utf-8")
    said = log.read_text(encoding="utf-8")
    assert said.count("was killed (SIGKILL)") == 1
    assert "augment and balance answered after" in said
    assert re.search(r"^augment\n(.|\n)*^Answer:(.|\n)*^balance\n(.|\n)*^Answer:", said, flags=re.MULTILINE), said
    processes = []
    for name in ("augment", "balance"):
        study = stored(store, name)
        assert study is not None and study.finished
        rows = {row.trial_id: row for row in store.runs(study.study_id) if not row.reused}
        assert {row.state for row in rows.values()} <= {"COMPLETE", "PRUNED"}
        assert (rows[victim.trial_id].attempt == 2) if name == "balance" else victim.trial_id not in rows
        processes.append({worker.pid for worker in store.workers(study.study_id)})
    assert processes[0] == processes[1], "the same workers served both"
    assert len(processes[0]) == 3, "two, and one that took the place of the killed one"
    store.close()

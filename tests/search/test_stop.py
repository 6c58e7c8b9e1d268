"""A study stopped everywhere: what runs is finished or saved, nothing is begun, and it goes on only when told to."""

import dataclasses
import logging
import re
import threading
import time
from functools import partial
from pathlib import Path

import click
import psutil
import pytest

from search import launch, status, stop
from search.durations import Duration
from search.edge import EXIT_MISTAKE
from search.halted import heed
from search.keeper import LeaseKeeper
from search.snapshot import take
from search.status_text import as_document, as_lines
from search.worker import Worker
from search.workplace import Workplace
from storage.rows import CellKey, Lease, Proposal
from storage.store import Store
from tests.search.commands import SETTINGS, invoke, run_command, wait_until
from tests.search.trials import WORKER


def test_a_drained_study_finishes_what_runs_and_begins_nothing(at: Workplace) -> None:
    store, study_id = at.study.store, at.study.study_id

    def drain() -> None:
        wait_until(lambda: any(row.state == "RUNNING" for row in store.runs(study_id)))
        store.stop(study_id, "drain", "me@here")

    thread = threading.Thread(target=drain)
    thread.start()
    Worker(at, WORKER).carry()
    thread.join()
    halt = store.halt(study_id)
    assert halt is not None and (halt.how, halt.by) == ("drain", "me@here")
    assert {row.state for row in store.runs(study_id)} == {"COMPLETE"}
    # The one that was claimed at that very moment has its beginning written down a little later.
    assert sum(row.began_at > halt.at for row in store.attempts(study_id)) <= 1
    assert not at.leaving.interrupted  # its launcher must not fill its place again


def test_a_study_that_is_stopped_now_is_heeded_between_two_epochs(at: Workplace) -> None:
    at.study.store.register_worker(at.study.study_id, WORKER, "here", 1, "cpu", {})
    keeper = LeaseKeeper(at.study.store, WORKER, 0.05, at.leaving, partial(heed, at.study, at.leaving))
    at.study.store.stop(at.study.study_id, "drain", "me@here")
    wait_until(at.leaving.soon)
    assert not at.leaving()  # the trial goes on
    at.study.store.stop(at.study.study_id, "now", "me@here")
    wait_until(at.leaving)
    assert not at.leaving.interrupted
    keeper.close()
    at.study.store.resume(at.study.study_id)
    assert at.study.store.halt(at.study.study_id) is None


def test_a_worker_with_nothing_to_do_leaves_after_a_while(at: Workplace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ceteris.worker")
    store, study_id = at.study.store, at.study.study_id

    def draw(taken: frozenset[CellKey]) -> Proposal | None:
        return Proposal(CellKey("somebody-elses", len(taken)), "digest", "{}", "screen", "x", {}, {})

    store.open_phase(study_id, "1-lr", 1)
    assert isinstance(store.claim(study_id, "1-lr", "other", "nonce", draw), Lease)  # all there is, held by another
    began = time.monotonic()
    Worker(dataclasses.replace(at, idle_exit=0.5, speculates=False), WORKER).carry()
    assert time.monotonic() - began >= 0.5
    assert "nothing to do" in caplog.text and not at.leaving.interrupted
    assert [row.state for row in store.runs(study_id)] == ["RUNNING"]


def test_status_tells_who_stopped_it_who_is_at_work_and_what_was_taken_over(at: Workplace) -> None:
    store, study_id = at.study.store, at.study.study_id
    for number, host in enumerate(("gpu1", "gpu2")):
        store.register_worker(study_id, f"w{number}", host, number, "cuda:0", {"owner": "kim"})
    store.stop(study_id, "now", "kim@gpu1")
    document, lines = as_document(take(at.study)), "\n".join(as_lines(take(at.study)))
    assert document["stopped"]["how"] == "now" and document["stopped"]["by"] == "kim@gpu1"
    assert [worker["owner"] for worker in document["workers"]] == ["kim", "kim"]
    assert document["takeovers"] == []
    assert "2 workers at work on 2 hosts by kim" in lines
    assert "worker on gpu2 (pid 1, cuda:0, kim)" in lines
    assert "was stopped by kim@gpu1" in lines and "--resume" in lines


def test_a_stopped_study_is_not_gone_on_with_by_accident(
    at: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}"
    told = invoke(stop.main, "--name", "lr_aug", "--storage", url, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 0 and "no worker was at work" in told.out
    line = ("--study", "lr_aug", *SETTINGS, "--set", "baseline.epochs=6", "--set", "delta=0")
    line += ("--set", "budgets.rungs=[2]", "--storage", url, "--workers", "1")
    refused = invoke(launch.main, *line, monkeypatch=monkeypatch, capsys=capsys)
    assert refused.code == EXIT_MISTAKE
    assert "was stopped by" in refused.err and "--resume" in refused.err and refused.err.count("\n") == 1
    assert at.study.store.runs(at.study.study_id) == []
    missing = invoke(stop.main, "--name", "lr_agu", "--storage", url, monkeypatch=monkeypatch, capsys=capsys)
    assert missing.code == EXIT_MISTAKE and "did you mean --name lr_aug?" in missing.err
    shown = invoke(status.main, "--storage", url, monkeypatch=monkeypatch, capsys=capsys)
    assert "was stopped by" in shown.out


def test_a_detached_launch_outlives_its_terminal_and_is_stopped_from_elsewhere(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}"
    line = ("--study", "lr_aug", *SETTINGS, "--set", "baseline.epochs=60", "--storage", url, "--workers", "1")
    done = run_command("search.launch", *line, "--detach", cwd=tmp_path)
    assert done.code == 0, done
    match = re.search(r"process (\d+), log (.+\.log)", done.out)
    assert match is not None and "kill" in done.out and "search.stop --name lr_aug" in done.out
    process, log = psutil.Process(int(match[1])), tmp_path / match[2]
    try:
        store = Store.connect(url)
        wait_until(lambda: store.manifest("lr_aug") is not None and store.runs(1))
        stopped = run_command("search.stop", "--name", "lr_aug", "--storage", url, "--now", cwd=tmp_path)
        assert stopped.code == 0, stopped
        wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
        assert "was stopped by" in log.read_text(encoding="utf-8")
        assert [row.state for row in store.runs(1) if row.state == "RUNNING"] == []
        store.close()
    finally:
        if process.is_running():
            process.kill()


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("2d", 172800)])
def test_times_are_given_as_people_write_them(text: str, seconds: float) -> None:
    assert Duration()(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5m", "5 weeks", "nan"])
def test_what_is_no_time_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 90s, 5m or 2h"):
        Duration()(text)

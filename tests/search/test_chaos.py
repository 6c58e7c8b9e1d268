"""A short version of `make chaos`: real workers that sleep instead of training, struck while they work."""

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos.crew import Crew
from benchmarks.chaos.run import Plan, create, job, strike_and_check
from search.edge import Refused
from spaces.overrides import override
from storage.rows import RunRow
from storage.store import Store
from tests.search.commands import wait_until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows can neither stop nor copy a process like this")

LEASE = 2.0


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_whatever_dies_nothing_is_lost_and_nothing_twice(database: str, tmp_path: Path) -> None:
    plan = Plan("sleeping", database, 18, workers=3, every=0.4, seed=3, pruning=True, lease_seconds=1.2, limit=250)
    plan = replace(plan, strikes=6)
    said: list[str] = []
    assert strike_and_check(plan, tmp_path, said.append), "\n".join(said)


def test_a_study_deleted_under_a_worker_ends_it_with_one_line(database_url: str, tmp_path: Path) -> None:
    store = Store.connect(database_url)
    plan = Plan("sleeping", "", trials=22, workers=1, every=0, seed=0, pruning=True, epoch_seconds=0.3)
    study = create(store, "doomed", plan.definition())
    crew = Crew(job(plan, database_url, "doomed", tmp_path), 1)
    try:
        crew.refill()
        (worker,) = crew.alive.values()
        wait_until(lambda: store.runs(study.study_id))
        time.sleep(0.5)
        store.delete("doomed", force=True)
        worker.join(60)
        assert worker.exitcode == 2
        said = crew.log_of(1).read_text(encoding="utf-8")
        assert said.splitlines()[-1].startswith("error: study doomed was deleted")
        assert "Traceback" not in said
    finally:
        crew.kill()
        store.close()


@pytest.mark.parametrize("phase", ["pilot", "confirm"])
def test_a_death_between_birth_and_first_epoch_is_noticed_within_the_lease_and_five_seconds_by_the_last_worker(
    phase: str, sqlite_url: str, tmp_path: Path
) -> None:
    store = Store.connect(sqlite_url, ttl=LEASE)
    plan = Plan("sleeping", "", trials=14, workers=2, every=0, seed=0, pruning=True, epoch_seconds=0.05)
    # Many runs of it, else it may be over before the second worker has come, or between two looks.
    long = override(plan.definition(), ("baseline.epochs=6", f"budgets.{phase}=40"))
    study = create(store, "mourning", long)
    crew = Crew(replace(job(plan, sqlite_url, "mourning", tmp_path), lease_seconds=LEASE), 2)
    crew.refill()
    pids, victims = {}, []

    def somebody_has_just_begun() -> bool:
        pids.update({w.worker_id: w.pid for w in store.workers(study.study_id)})
        rows = store.runs(study.study_id, phase) if len(pids) == 2 else []
        victims[:] = [row for row in rows if row.state == "RUNNING" and row.epochs == 0 and row.worker in pids]
        return bool(victims)

    try:
        wait_until(somebody_has_just_begun)
        os.kill(pids[victims[0].worker], signal.SIGKILL)
        killed = time.monotonic()
        if row_of(store, study.study_id, victims[0]).state == "RUNNING":
            wait_until(lambda: row_of(store, study.study_id, victims[0]).attempt == 2)
            assert time.monotonic() - killed < LEASE + 5.0
        wait_until(lambda: row_of(store, study.study_id, victims[0]).state == "COMPLETE")
    finally:
        crew.kill()
        store.close()


def test_a_paused_worker_that_wakes_after_its_trial_was_taken_over_writes_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    store = Store.connect(postgres_url, ttl=LEASE)
    plan = Plan("sleeping", "", trials=14, workers=2, every=0, seed=0, pruning=False, epoch_seconds=0.2)
    study = create(store, "haunted", plan.definition())
    crew = Crew(replace(job(plan, postgres_url, "haunted", tmp_path), lease_seconds=LEASE), 2)

    def half_way() -> list[RunRow]:
        return [row for row in store.runs(study.study_id, "pilot") if row.state == "RUNNING" and 2 <= row.epochs <= 6]

    def written(row: RunRow) -> object:
        told = [attempt for attempt in store.attempts(study.study_id) if attempt.trial_id == row.trial_id]
        curve, pointers = store.epochs(row.trial_id), store.checkpoints(row.trial_id)
        return told, curve, pointers, row_of(store, study.study_id, row)

    try:
        crew.refill()
        wait_until(half_way)
        row = half_way()[0]
        (zombie,) = (each.pid for each in store.workers(study.study_id) if each.worker_id == row.worker)
        os.kill(zombie, signal.SIGSTOP)
        wait_until(lambda: row_of(store, study.study_id, row).state == "COMPLETE")
        assert row_of(store, study.study_id, row).attempt == 2
        before = written(row)
        os.kill(zombie, signal.SIGCONT)
        log = crew.log_of(1 + list(crew.alive).index(zombie))
        wait_until(lambda: f"pilot #{row.number} is no longer held here" in log.read_text(encoding="utf-8"))
        assert written(row) == before
    finally:
        crew.kill()
        store.close()


def row_of(store: Store, study_id: int, row: RunRow) -> RunRow:
    return next(each for each in store.runs(study_id, row.phase) if each.trial_id == row.trial_id)


def begin(url: str, epochs: int, barrier: Any, answers: Any) -> None:
    """Meet another process that creates the same study with another definition."""
    plan = Plan("sleeping", "", trials=22, workers=1, every=0, seed=0, pruning=True)
    definition = override(plan.definition(), (f"baseline.epochs={epochs}",))
    store = Store.connect(url)
    barrier.wait()
    try:
        create(store, "raced", definition)
        answers.put((epochs, None))
    except Refused as error:
        answers.put((epochs, str(error)))
    store.close()


def test_of_two_definitions_that_race_to_create_one_study_one_wins_and_the_other_is_told(database_url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["search.work", "benchmarks.chaos.run"])
    Store.connect(database_url).close()
    barrier, answers = context.Barrier(2), context.Queue()
    racers = [context.Process(target=begin, args=(database_url, n, barrier, answers)) for n in (5, 6)]
    for racer in racers:
        racer.start()
    told = dict(answers.get(timeout=120) for _ in racers)
    for racer in racers:
        racer.join(60)
    (winner,) = [epochs for epochs, refusal in told.items() if refusal is None]
    refusal = told[11 - winner]
    assert refusal is not None
    assert "another definition: baseline.epochs is" in refusal
    store = Store.connect(database_url)
    stored = store.manifest("raced")
    assert stored is not None
    assert f'"epochs":{winner}' in stored.definition
    store.close()

"""The database goes away and comes back: training does not notice, and nobody takes a live trial over."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.chaos.database import Postgres
from benchmarks.chaos.journal import SleepingRun
from search.gauge import Gauge
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.meter import measuring
from search.objective import train
from search.phases import Phase
from search.study import Study
from search.workplace import Workplace
from storage.checkpoints import CheckpointFolder
from storage.errors import StorageUnreachable
from storage.rows import Lease, Wait
from storage.store import Store
from tests.search.studies import new_study
from tests.search.test_objective import with_company
from tests.search.trials import RECIPE, claim, screen_of
from trainer.run import Epoch

TTL = 1.5


@pytest.fixture
def server() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


def workplace(study: Study, folder: Path, leaving: Leaving, seconds: float = 0.1) -> Workplace:
    return Workplace(
        study=study,
        data=None,  # type: ignore[arg-type] (nobody looks at it)
        device=torch.device("cpu"),
        files={},
        checkpoints=CheckpointFolder(folder),
        keeper=LeaseKeeper(study.store, "worker-a", study.store.ttl / 4, leaving),
        checkpoint_seconds=0.0,
        leaving=leaving,
        begin=lambda recipe, replicate, at: SleepingRun(recipe, replicate, seconds),
    )


def trained(at: Workplace, phase: Phase, lease: Lease) -> str:
    with measuring("cpu", {}, Gauge()) as meter:
        at.keeper.hold(lease, "", meter.row)
        how = train(lease, phase, at, meter)
    at.keeper.let_go()
    return how


def new_phase(store: Store, epochs: int) -> tuple[Study, Phase]:
    study = new_study(store)
    store.measure_once(study.study_id, "rules", {"delta": 0.0, "noise": 0.01}, "test")
    recipe = RECIPE.model_copy(update={"epochs": epochs, "plateau": None})
    return study, replace(screen_of(recipe), allowed=1)


def test_training_goes_on_through_an_outage_and_no_live_trial_is_taken_over(
    server: Postgres, tmp_path: Path, leaving: Leaving, caplog: pytest.LogCaptureFixture
) -> None:
    ttl = 2 * TTL  # within which the trainer must be heard again, on a busy machine, too
    caplog.set_level(logging.WARNING, logger="ceteris.storage")
    store, other = (Store.connect(server.url, ttl=ttl) for _ in range(2))
    study, phase = new_phase(store, epochs=80)
    at = workplace(study, tmp_path, leaving)
    lease = claim(at, phase, phase.runs[0])
    ended: list[str] = []
    trainer = threading.Thread(target=lambda: ended.append(trained(at, phase, lease)))
    trainer.start()
    time.sleep(0.5)
    server.stop()
    began, before = time.monotonic(), max(tmp_path.rglob("*.ckpt")).name
    time.sleep(2.2 * ttl)
    assert max(tmp_path.rglob("*.ckpt")).name > before, "it trained on"
    server.start()
    away = time.monotonic() - began
    while trainer.is_alive():  # the rung was at epoch 2; the other one has waited for the whole time
        outcome = other.claim(study.study_id, phase.name, "worker-b", f"{time.monotonic_ns()}", lambda taken: None)
        assert not isinstance(outcome, Lease)
        time.sleep(outcome.seconds if isinstance(outcome, Wait) else 0.1)
    (row,) = other.runs(study.study_id, phase.name)
    assert (ended, row.state, row.attempt, row.epochs) == (["finished its 80 epochs"], "COMPLETE", 1, 80)
    assert len(other.curves(study.study_id, phase.name)[0]) == 80
    mine = [record.getMessage() for record in caplog.records if record.name == "ceteris.storage"]
    assert sum("training goes on, retrying" in line for line in mine) <= 2, "once by each of the two"
    assert any(line.startswith("database back after") for line in mine)
    assert away > 2 * ttl
    at.keeper.close()
    store.close()
    other.close()


def test_a_worker_gives_up_when_the_outage_outlasts_its_patience(
    server: Postgres, tmp_path: Path, leaving: Leaving
) -> None:
    store = Store.connect(server.url, ttl=TTL, patience=1.0)
    study, phase = new_phase(store, epochs=400)
    at = workplace(study, tmp_path, leaving)
    lease = claim(at, phase, phase.runs[0])
    server.stop()
    with pytest.raises(StorageUnreachable, match="does not answer"):
        trained(at, phase, lease)
    at.keeper.close()
    store.close()
    server.start()  # only a running server can be closed


class BusyRun(SleepingRun):
    """An epoch that never lets go of Python."""

    def __next__(self) -> Epoch:
        end = time.monotonic() + self._seconds
        while not self.stop and time.monotonic() < end:
            sum(range(10_000))
        self._seconds, seconds = 0.0, self._seconds
        try:
            return super().__next__()
        finally:
            self._seconds = seconds


def test_a_long_call_in_the_training_thread_does_not_lose_the_lease(
    sqlite_url: str, tmp_path: Path, leaving: Leaving
) -> None:
    store, other = (Store.connect(sqlite_url, ttl=TTL) for _ in range(2))
    study, phase = new_phase(store, epochs=2)
    at = replace(workplace(study, tmp_path, leaving), begin=lambda r, n, at: BusyRun(r, n, 1.5 * TTL))
    lease = claim(at, phase, phase.runs[0])
    trainer = threading.Thread(target=trained, args=(at, phase, lease))
    trainer.start()
    while trainer.is_alive():
        outcome = other.claim(study.study_id, phase.name, "worker-b", f"{time.monotonic_ns()}", lambda taken: None)
        assert not isinstance(outcome, Lease)
        time.sleep(0.2)
    assert [(row.state, row.attempt) for row in other.runs(study.study_id, phase.name)] == [("COMPLETE", 1)]
    at.keeper.close()
    store.close()
    other.close()


def test_a_rung_during_an_outage_is_asked_again_and_judged_by_what_was_to_be_asked_there(
    server: Postgres, tmp_path: Path, leaving: Leaving
) -> None:
    store = Store.connect(server.url, ttl=30.0)
    study, phase = new_phase(store, epochs=300)
    rivals = [RECIPE.model_copy(update={"lr": 0.1 + n}) for n in range(3)]
    phase = replace(screen_of(phase.runs[0].candidate.recipe, *rivals), rungs=(2,))
    at = workplace(study, tmp_path, leaving, seconds=0.05)
    with_company(at, phase, [0.99, 0.99, 0.99])
    lease = claim(at, phase, phase.runs[0])
    server.stop()
    threading.Timer(1.0, server.start).start()
    how = trained(at, phase, lease)
    assert how.startswith("pruned at epoch 2: ")
    row = next(row for row in store.runs(study.study_id, phase.name) if row.trial_id == lease.trial_id)
    assert row.state == "PRUNED"
    assert row.epochs > 2, "it trained on meanwhile"
    at.keeper.close()
    store.close()

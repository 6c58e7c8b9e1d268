"""Promises that only real processes can break."""

import multiprocessing
import time
from typing import Any

import optuna
from optuna.trial import TrialState

from storage.rows import PhaseDone
from storage.store import Store
from tests.storage.small import (
    TTL,
    claim_soon,
    drawing,
    hold_for_ever,
    lease_of,
    open_study,
    result,
    work_through,
)

spawn = multiprocessing.get_context("spawn")
WORKERS = 8


def test_eight_processes_on_an_empty_database_agree_and_run_each_cell_once_within_the_budget(database_url: str) -> None:
    # 1-lr: 9 cells for a budget of 5. 2-loss: cells 0 and 1 (perhaps run in 1-lr), 20 and 21: fewer than its budget.
    phases = [("1-lr", list(range(9))), ("2-loss", [0, 1, 20, 21])]
    barrier, answers = spawn.Barrier(WORKERS), spawn.Queue()
    processes = [
        spawn.Process(
            target=work_through, args=(database_url, barrier, answers, "lr_aug", f"worker-{i}", phases), daemon=True
        )
        for i in range(WORKERS)
    ]
    for process in processes:
        process.start()
    told: list[Any] = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * WORKERS
    for agreed in zip(*(each[:3] for each in told), strict=True):
        assert all(each == agreed[0] for each in agreed)

    store = Store.connect(database_url)
    stored = store.manifest("lr_aug")
    assert stored is not None and stored.definition == told[0][0]
    ran = [each for _, _, _, runs in told for each in runs]
    screen = store.runs(stored.study_id, "1-lr")
    assert [(each.phase, each.used, each.allowed) for each in store.phases(stored.study_id)] == [
        ("1-lr", 5, 5),
        ("2-loss", 4, 5),
    ]
    assert sorted(each.number for each in screen) == [0, 1, 2, 3, 4]
    assert len({each.signature for each in screen}) == 5
    loss = store.runs(stored.study_id, "2-loss")
    assert sorted(each.number for each in loss) == [0, 1, 2, 3]
    assert {each.state for each in screen + loss} == {"COMPLETE"}
    # Nothing was trained twice: what both phases use ran in one of them only.
    assert len({signature for _, _, signature in ran}) == len(ran) == 5 + sum(not each.reused for each in loss)
    for phase, count in (("1-lr", 5), ("2-loss", 4)):
        trials = optuna.load_study(study_name=f"lr_aug/{phase}", storage=database_url).trials
        assert [trial.number for trial in trials] == list(range(count))
        assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    store.close()


def test_the_run_of_a_killed_worker_is_taken_over_under_its_number(database_url: str) -> None:
    store = Store.connect(database_url, ttl=TTL)
    study_id = open_study(store, allowed=1)
    ready = spawn.Queue()
    victim = spawn.Process(target=hold_for_ever, args=(database_url, study_id, "1-lr", ready), daemon=True)
    victim.start()
    trial_id, number, token = ready.get(timeout=60)
    victim.kill()
    victim.join(10)
    lease = lease_of(claim_soon(store, study_id, "1-lr", "heir"))
    assert (lease.trial_id, lease.number, lease.token, lease.attempt) == (trial_id, number, token + 1, 2)
    assert [row.epoch for row in lease.epochs] == [1, 2]
    assert [(row.token, row.epoch) for row in lease.checkpoints] == [(token, 2)]
    store.finish(lease, result())
    assert isinstance(claim_soon(store, study_id, "1-lr", "heir"), PhaseDone)
    trials = optuna.load_study(study_name="lr_aug/1-lr", storage=database_url).trials
    assert [(trial.number, trial.state) for trial in trials] == [(0, TrialState.COMPLETE)]
    store.close()


def test_a_killed_writer_blocks_nobody(database_url: str) -> None:
    """A worker killed in the middle of its life leaves no lock behind: others claim at once."""
    store = Store.connect(database_url, ttl=30.0)
    study_id = open_study(store)
    ready = spawn.Queue()
    victim = spawn.Process(target=hold_for_ever, args=(database_url, study_id, "1-lr", ready), daemon=True)
    victim.start()
    ready.get(timeout=60)
    victim.kill()
    victim.join(10)
    started = time.monotonic()
    lease_of(store.claim(study_id, "1-lr", "other", "nonce", drawing([0, 1])))
    assert time.monotonic() - started < 5.0
    store.close()

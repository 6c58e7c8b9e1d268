"""What an attempt cost is told with the epochs and the end of a run, by whoever holds the lease, and by nobody else."""

import time
from dataclasses import replace

import optuna
import pytest

from storage.attempts import AttemptRow
from storage.errors import LeaseLost
from storage.store import Store
from tests.storage.small import (
    TTL,
    attempt,
    claim_soon,
    drawing,
    epoch,
    lease_of,
    lose,
    open_study,
    result,
)


def test_an_attempt_reads_back_as_it_was_told_with_lease_and_time_filled_in(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    told = replace(attempt(1200, seconds=5.0), device_use=0.83, peak_bytes=5 * 2**32)
    store.report(lease, [epoch(1)], attempt=told)
    (row,) = store.attempts(study_id)
    assert row == replace(told, trial_id=lease.trial_id, token=1, worker="w", began_at=row.began_at)
    assert row.began_at == pytest.approx(store.now() - 5.0, abs=2.0)
    store.close()


def test_every_report_of_an_attempt_takes_the_place_of_the_one_before_and_keeps_when_it_began(
    database_url: str,
) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.report(lease, [epoch(1)], attempt=attempt(100))
    (first,) = store.attempts(study_id)
    store.report(lease, [epoch(2)], attempt=attempt(200, seconds=1000.0))
    store.report(lease, [epoch(2)], attempt=attempt(200, seconds=1000.0))
    store.report(lease, [epoch(2)])
    store.finish(lease, result(), attempt=attempt(300, seconds=2000.0))
    store.finish(lease, result(), attempt=attempt(300, seconds=2000.0))
    (last,) = store.attempts(study_id)
    assert (last.images, last.seconds, last.began_at) == (300, 2000.0, first.began_at)
    store.close()


def test_a_takeover_makes_a_second_row_and_the_zombie_can_write_none(database_url: str) -> None:
    zombie, heir = Store.connect(database_url, ttl=TTL), Store.connect(database_url, ttl=TTL)
    study_id = open_study(zombie)
    lease = lease_of(zombie.claim(study_id, "1-lr", "zombie", "n", drawing([0])))
    zombie.report(lease, [epoch(1)], attempt=attempt(100))
    lose(zombie, lease)
    taken = lease_of(claim_soon(heir, study_id, "1-lr", "heir"))
    heir.report(taken, [epoch(2)], attempt=attempt(70))
    with pytest.raises(LeaseLost):
        zombie.report(lease, [epoch(2)], attempt=attempt(999))
    with pytest.raises(LeaseLost):
        zombie.finish(lease, result(), attempt=attempt(999))
    heir.finish(taken, result(), attempt=attempt(140))
    with pytest.raises(LeaseLost):
        zombie.finish(lease, result(), attempt=attempt(999))
    rows = [(row.trial_id, row.token, row.worker, row.images) for row in heir.attempts(study_id)]
    assert rows == [(lease.trial_id, 1, "zombie", 100), (lease.trial_id, 2, "heir", 140)]
    zombie.close()
    heir.close()


def test_a_trial_given_back_and_claimed_again_is_a_second_attempt(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n0", drawing([0])))
    store.report(lease, [epoch(1)], attempt=attempt(100))
    store.release(lease)
    again = lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([])))
    store.finish(again, result(), attempt=attempt(50))
    assert [(row.token, row.images) for row in store.attempts(study_id)] == [(1, 100), (2, 50)]
    store.close()


def test_an_attempt_lies_about_neither_its_worker_nor_its_trial(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.report(lease, [], attempt=replace(attempt(1), trial_id=99, token=7, worker="somebody else"))
    (row,) = store.attempts(study_id)
    assert (row.trial_id, row.token, row.worker) == (lease.trial_id, 1, "w")
    store.close()


def test_deleting_a_study_deletes_its_attempts_and_no_others(database_url: str) -> None:
    store = Store.connect(database_url)
    ids = []
    for name in ("one", "other"):
        ids.append(open_study(store, name))
        lease = lease_of(store.claim(ids[-1], "1-lr", "w", f"n-{name}", drawing([0])))
        store.finish(lease, result(), attempt=attempt(100))
    store.delete("one")
    assert [len(store.attempts(study_id)) for study_id in ids] == [0, 1]
    store.close()


def test_a_trial_inherits_no_attempt_of_one_that_was_deleted_from_outside(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n0", drawing([0])))
    store.finish(lease, result(), attempt=attempt(100))
    optuna.delete_study(
        study_name="lr_aug/1-lr", storage=database_url.replace("postgresql://", "postgresql+psycopg://")
    )
    store.open_phase(study_id, "2-loss", 8)
    new = lease_of(store.claim(study_id, "2-loss", "w", "n1", drawing([1])))
    # SQLite gives it the id of the deleted one.
    assert [row for row in store.attempts(study_id) if row.trial_id == new.trial_id] == []
    store.close()


def test_a_forced_delete_leaves_the_worker_nothing_to_write_to(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.report(lease, [epoch(1)], attempt=attempt(100))
    store.delete("lr_aug", force=True)
    with pytest.raises(LeaseLost):
        store.report(lease, [epoch(2)], attempt=attempt(200))
    assert store.attempts(study_id) == []
    store.close()


def test_attempts_come_oldest_first(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    leases = [lease_of(store.claim(study_id, "1-lr", "w", f"n{i}", drawing([0, 1]))) for i in range(2)]
    for lease in reversed(leases):
        store.report(lease, [], attempt=attempt(lease.number))
        time.sleep(0.02)
    assert [row.images for row in store.attempts(study_id)] == [1, 0]
    assert all(isinstance(row, AttemptRow) for row in store.attempts(study_id))
    store.close()


def test_epochs_of_a_lost_attempt_beyond_its_checkpoint_are_not_the_next_ones_before_it_has_trained_them(
    database_url: str,
) -> None:
    store = Store.connect(database_url, ttl=TTL)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "lost", "n", drawing([0])))
    store.report(lease, [epoch(number, 0.1 * number) for number in (1, 2, 3)], attempt=attempt(100))
    lose(store, lease)
    heir = lease_of(claim_soon(store, study_id, "1-lr", "heir"))
    assert store.epochs(heir.trial_id, heir.token) == []
    store.report(heir, [epoch(2, 0.7)], attempt=attempt(50))  # it went on from a checkpoint after epoch 1
    assert [(row.epoch, row.score) for row in store.epochs(heir.trial_id, heir.token)] == [(1, 0.1), (2, 0.7)]
    assert [row.epoch for row in store.epochs(heir.trial_id)] == [1, 2, 3]
    store.close()

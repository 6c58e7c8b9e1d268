"""claim(), fenced writes and the life of a lease, on both backends."""

import time
from collections.abc import Iterator
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import Connection

from storage.entering import enter
from storage.errors import LeaseLost, StudyBusy, StudyMissing
from storage.grant import Asked
from storage.rows import CheckpointRow, Lease, PhaseDone, Proposal, RunRow, Wait
from storage.store import Store
from tests.storage.small import (
    TTL,
    claim_soon,
    drawing,
    epoch,
    lease_of,
    lose,
    open_study,
    pointer,
    proposal,
    result,
)

PHASE = "1-lr"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.connect(database_url, ttl=TTL)
    yield store
    store.close()


@pytest.fixture
def other(database_url: str, store: Store) -> Iterator[Store]:
    other = Store.connect(database_url, ttl=TTL)
    yield other
    other.close()


def states(url: str, phase: str = PHASE) -> list[str]:
    return [trial.state.name for trial in optuna.load_study(study_name=f"lr_aug/{phase}", storage=url).trials]


def test_a_trial_has_everything_at_birth(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n", drawing([0])))
    assert (lease.number, lease.token, lease.attempt, lease.epochs, lease.checkpoints) == (0, 1, 1, [], [])
    assert (lease.recipe, lease.label, lease.role) == (proposal(0).recipe, proposal(0).label, "screen")
    (trial,) = optuna.load_study(study_name="lr_aug/1-lr", storage=database_url).trials
    assert trial.params == lease.params == {"lr": 0.001, "loss": "focal(2)"}
    assert trial.state == TrialState.RUNNING
    assert trial.user_attrs == {"colour": "blue", "label": "lr 0.001", "role": "screen", "replicate": 0}


def test_a_repeated_nonce_returns_the_lease_it_won(store: Store) -> None:
    study_id = open_study(store)
    lease = store.claim(study_id, PHASE, "w", "same", drawing([0, 1]))
    assert store.claim(study_id, PHASE, "w", "same", drawing([0, 1])) == lease
    assert len(store.runs(study_id)) == 1
    assert store.phases(study_id)[0].used == 1


def test_others_wait_while_a_run_is_unfinished_and_leave_when_it_ends(store: Store, other: Store) -> None:
    study_id = open_study(store, allowed=1)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0, 1])))
    assert isinstance(other.claim(study_id, PHASE, "v", "n2", drawing([0, 1])), Wait)
    store.finish(lease, result())
    assert other.claim(study_id, PHASE, "v", "n2", drawing([0, 1])) == PhaseDone("all 1 runs of the budget are used")


def test_an_exhausted_domain_ends_a_phase(store: Store) -> None:
    study_id = open_study(store)
    store.finish(lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0]))), result())
    assert store.claim(study_id, PHASE, "w", "n2", drawing([0])) == PhaseDone("all 1 runs of the domain are entered")


def test_a_closed_phase_starts_no_new_run_and_lets_running_ones_finish(store: Store) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0, 1])))
    assert store.close_phase(study_id, PHASE, "converged") == "converged"
    assert store.close_phase(study_id, PHASE, "another reason") == "converged"
    assert isinstance(store.claim(study_id, PHASE, "v", "n2", drawing([0, 1])), Wait)
    store.finish(lease, result())
    assert store.claim(study_id, PHASE, "v", "n3", drawing([0, 1])) == PhaseDone("converged")


def test_a_run_is_granted_to_all_eyes_before_its_worker_hears_of_it(postgres_url: str) -> None:
    """The lock on the budget is never held while a client is waited for."""
    store, other = Store.connect(postgres_url), Store.connect(postgres_url)
    study_id = open_study(store)
    asked = Asked(study_id, PHASE, "w", "n1", TTL, lambda: 0.0)

    def granted(connection: Connection) -> tuple[Lease, list[RunRow]]:
        return enter(connection, asked, proposal(0), f"lr_aug/{PHASE}"), other.runs(study_id, PHASE)

    lease, seen = store._database.write(granted)
    assert [(row.trial_id, row.number, row.state) for row in seen] == [(lease.trial_id, lease.number, "RUNNING")]
    store.finish(lease, result())
    store.close()
    other.close()


def test_a_taken_cell_is_drawn_again(store: Store, other: Store) -> None:
    study_id = open_study(store)
    offered = []

    def draw(taken: frozenset) -> Proposal | None:
        offered.append(taken)
        if len(offered) == 1:  # somebody enters the same cell between the draw and the transaction
            lease_of(other.claim(study_id, PHASE, "v", "n2", drawing([0])))
        return next(each for each in (proposal(0), proposal(1)) if each.cell not in taken)

    assert lease_of(store.claim(study_id, PHASE, "w", "n1", draw)).signature == "signature-1"
    assert [len(taken) for taken in offered] == [0, 1]
    assert store.phases(study_id)[0].used == 2  # the conflict cost no budget


@pytest.mark.parametrize("then", ["runs", "released", "finished"])
def test_a_phase_is_not_done_while_a_run_entered_during_the_draw_is_unfinished(
    store: Store, other: Store, then: str
) -> None:
    study_id = open_study(store)

    def draw(taken: frozenset) -> Proposal | None:
        if not taken:  # the last cell is claimed between the look and the end of the draw
            lease = lease_of(other.claim(study_id, PHASE, "v", "n2", drawing([0])))
            if then == "released":
                other.release(lease)
            elif then == "finished":
                other.finish(lease, result())
        return None

    outcome = store.claim(study_id, PHASE, "w", "n1", draw)
    if then == "runs":
        assert isinstance(outcome, Wait) and outcome.running == 1
    elif then == "released":
        assert lease_of(outcome).token == 2
    else:
        assert outcome == PhaseDone("all 1 runs of the domain are entered")


def test_a_phase_closed_during_the_draw_is_done_for_that_reason(store: Store, other: Store) -> None:
    study_id = open_study(store)

    def draw(taken: frozenset) -> Proposal | None:
        lease = lease_of(other.claim(study_id, PHASE, "v", "n2", drawing([0])))
        other.close_phase(study_id, PHASE, "converged")
        other.finish(lease, result())
        return proposal(1)

    assert store.claim(study_id, PHASE, "w", "n1", draw) == PhaseDone("converged")
    assert store.phases(study_id)[0].used == 1


def test_a_zombie_writes_nothing(store: Store, other: Store, database_url: str) -> None:
    study_id = open_study(store)
    old = lease_of(store.claim(study_id, PHASE, "zombie", "n1", drawing([0])))
    store.report(old, [epoch(1, 0.1)])
    lose(store, old)
    new = lease_of(claim_soon(other, study_id, PHASE, "heir"))
    assert (new.number, new.token, new.worker) == (old.number, old.token + 1, "heir")
    before = store.curves(study_id, PHASE), store.runs(study_id), store.checkpoints(old.trial_id)
    for write in (
        lambda: store.renew(old),
        lambda: store.report(old, [epoch(1, 0.9), epoch(2, 0.9)], pointer(old, 2)),
        lambda: store.finish(old, result(), [epoch(2, 0.9)], [pointer(old, 2)]),
        lambda: store.release(old),
    ):
        with pytest.raises(LeaseLost, match="#0 is no longer held by zombie"):
            write()
    assert (store.curves(study_id, PHASE), store.runs(study_id), store.checkpoints(old.trial_id)) == before
    other.finish(new, result(value=0.7))
    with pytest.raises(LeaseLost):
        store.finish(old, result(value=0.9))
    assert [run.best_score for run in store.runs(study_id)] == [0.7]
    assert states(database_url) == ["COMPLETE"]


def test_the_test_score_is_written_by_the_holder_when_the_run_ends(
    store: Store, other: Store, database_url: str
) -> None:
    study_id = open_study(store)
    old = lease_of(store.claim(study_id, PHASE, "zombie", "n1", drawing([0])))
    lose(store, old)
    new = lease_of(claim_soon(other, study_id, PHASE, "heir"))
    other.finish(new, replace(result(value=0.7), test_score=0.6))
    with pytest.raises(LeaseLost):
        store.finish(old, replace(result(value=0.9), test_score=0.8))
    plain = lease_of(store.claim(study_id, PHASE, "w", "n2", drawing([0, 1])))
    store.finish(plain, result())
    assert [run.test_score for run in store.runs(study_id)] == [0.6, None]
    trials = optuna.load_study(study_name=f"lr_aug/{PHASE}", storage=database_url).trials
    assert [trial.user_attrs.get("test_score") for trial in trials] == [0.6, None]


def test_a_lease_is_held_until_it_is_taken_over_or_ends(store: Store, other: Store) -> None:
    study_id = open_study(store)
    old = lease_of(store.claim(study_id, PHASE, "zombie", "n1", drawing([0])))
    assert store.holds(old) and not store.holds(replace(old, nonce="of another claim"))
    lose(store, old)
    assert store.holds(old)  # nobody took it yet
    new = lease_of(claim_soon(other, study_id, PHASE, "heir"))
    assert other.holds(new) and not store.holds(old)
    other.release(new)
    assert not other.holds(new)
    again = lease_of(other.claim(study_id, PHASE, "heir", "n2", drawing([0])))
    other.finish(again, result())
    assert not other.holds(again) and not other.holds(new)


def test_a_late_renewal_holds_while_nobody_took_over(store: Store, other: Store) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    lose(store, lease)
    store.renew(lease)
    assert isinstance(other.claim(study_id, PHASE, "v", "n2", drawing([0])), Wait)
    store.finish(lease, result())


def test_nobody_takes_over_before_having_been_connected_for_one_ttl(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    time.sleep(2 * TTL)
    late = Store.connect(database_url, ttl=TTL)
    outcome = late.claim(study_id, PHASE, "v", "n2", drawing([0]))
    assert isinstance(outcome, Wait) and outcome.seconds <= 1.2 * TTL
    fresh = lease_of(late.claim(study_id, PHASE, "v", "n3", drawing([0, 1])))  # but it may start a new run
    assert (fresh.signature, fresh.token) == ("signature-1", 1)
    time.sleep(TTL)
    assert lease_of(late.claim(study_id, PHASE, "v", "n4", drawing([0, 1]))).token == 2
    late.close()


def test_a_released_run_waits_for_the_next_under_its_number(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0, 1])))
    store.report(lease, [epoch(1)])
    store.release(lease)
    store.release(lease)  # an answer that got lost
    assert states(database_url) == ["WAITING"]
    again = lease_of(store.claim(study_id, PHASE, "v", "n2", drawing([0, 1])))
    assert (again.number, again.token, again.attempt, len(again.epochs)) == (0, 2, 1, 1)
    with pytest.raises(LeaseLost):
        store.report(lease, [epoch(2)])
    assert states(database_url) == ["RUNNING"]


def test_a_run_that_is_killed_often_but_gets_on_is_never_given_up(database_url: str) -> None:
    store = Store.connect(database_url, ttl=0.15)
    study_id = open_study(store, allowed=1)
    lease = lease_of(store.claim(study_id, PHASE, "w0", "n0", drawing([0])))
    for attempt in range(2, 10):
        row = CheckpointRow(lease.trial_id, lease.token, attempt, "resume", f"lr_aug/1/{attempt}", "host", 1, "0" * 64)
        store.report(lease, [], row)
        lose(store, lease)
        lease = lease_of(store.claim(study_id, PHASE, f"w{attempt}", f"n{attempt}", drawing([0])))
    (run,) = store.runs(study_id)
    assert (run.state, run.attempt) == ("RUNNING", 9)
    store.close()


def test_a_run_that_cost_five_workers_fails_with_that_reason(database_url: str) -> None:
    store = Store.connect(database_url, ttl=0.15)
    study_id = open_study(store, allowed=1)
    lease = lease_of(store.claim(study_id, PHASE, "w0", "n0", drawing([0])))
    for attempt in range(2, 6):
        lose(store, lease)
        lease = lease_of(store.claim(study_id, PHASE, f"w{attempt}", f"n{attempt}", drawing([0])))
        assert (lease.attempt, lease.token) == (attempt, attempt)
    lose(store, lease)
    assert isinstance(claim_soon(store, study_id, PHASE, "last"), PhaseDone)
    (run,) = store.runs(study_id)
    assert (run.state, run.stop, run.reason) == ("FAIL", "failed", "lost 5 workers without a new checkpoint")
    assert states(database_url) == ["FAIL"]
    with pytest.raises(LeaseLost):
        store.finish(lease, result())
    store.close()


def test_finishing_twice_is_finishing_once(store: Store) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    store.finish(lease, result(), [epoch(1), epoch(2)])
    before = store.runs(study_id)
    store.finish(lease, result(), [epoch(1), epoch(2)])
    assert store.runs(study_id) == before
    assert before[0].state == "COMPLETE"


def test_epochs_of_a_lost_attempt_beyond_the_end_are_forgotten(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    store.report(lease, [epoch(1, 0.1), epoch(2, 0.2), epoch(3, 0.3)])
    store.release(lease)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n2", drawing([])))
    store.finish(lease, result(epochs=2), [epoch(2, 0.25)])
    assert [(row.epoch, row.score) for row in store.curves(study_id, PHASE)[0]] == [(1, 0.1), (2, 0.25)]
    (trial,) = optuna.load_study(study_name="lr_aug/1-lr", storage=database_url).trials
    assert trial.intermediate_values == {1: 0.1, 2: 0.25}


def test_the_last_two_pointers_of_each_kind_are_kept(store: Store) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    for number in (1, 2, 3):
        store.report(lease, [epoch(number)], pointer(lease, number))
    store.report(lease, [], pointer(lease, 3))  # an answer that got lost
    assert [row.epoch for row in store.checkpoints(lease.trial_id)] == [3, 2]


def test_a_deleted_study_takes_its_leases_along(store: Store, other: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    with pytest.raises(StudyBusy, match="1 worker"):
        other.delete("lr_aug")
    other.delete("lr_aug", force=True)
    assert other.studies() == [] and optuna.get_all_study_names(database_url) == []
    # On SQLite the new study's trial has the very id of the deleted one.
    again = open_study(store)
    held = lease_of(store.claim(again, PHASE, "v", "n2", drawing([0])))
    for write in (
        lambda: store.report(lease, [epoch(1)]),
        lambda: store.finish(lease, result()),
        lambda: store.release(lease),
    ):
        with pytest.raises(LeaseLost):
            write()
    with pytest.raises(StudyMissing):
        store.claim(study_id, PHASE, "w", "n3", drawing([0]))
    with pytest.raises(StudyMissing):
        store.measure_once(study_id, "delta", 1, "w")
    assert store.curves(again, PHASE) == {}
    store.finish(held, result())
    with pytest.raises(StudyMissing):
        other.delete("no-such-study")

"""A cell is trained once per study; phases that meet it again refer to it."""

from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from storage.rows import PhaseDone, Wait
from storage.store import Store
from tests.storage.small import TTL, claim_soon, drawing, epoch, lease_of, lose, open_study, result


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.connect(database_url, ttl=TTL)
    yield store
    store.close()


def copies(url: str) -> list[Any]:
    return optuna.load_study(study_name="lr_aug/2-loss", storage=url).trials


@pytest.mark.parametrize("stop", ["finished", "stalled", "pruned", "diverged"])
def test_a_finished_run_is_referenced_not_trained_again(store: Store, database_url: str, stop: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0])))
    store.finish(lease, result(stop, 0.8), [epoch(1, 0.6), epoch(2, float("nan"))])
    store.open_phase(study_id, "2-loss", 2)
    new = lease_of(store.claim(study_id, "2-loss", "w", "n2", drawing([0, 1])))
    assert new.signature == "signature-1" and new.number == 1
    assert store.phases(study_id)[1].used == 2
    reused = store.runs(study_id, "2-loss")[0]
    assert (reused.reused, reused.number, reused.stop, reused.trial_id) == (True, 0, stop, lease.trial_id)
    copy = copies(database_url)[0]
    assert copy.user_attrs["reused"] == "lr_aug/1-lr #0" and copy.user_attrs["stop"] == stop
    assert copy.state == (TrialState.PRUNED if stop == "pruned" else TrialState.COMPLETE)
    assert copy.value == (0.0 if stop == "diverged" else 0.8)
    assert copy.params == lease.params
    assert copy.intermediate_values[1] == 0.6 and copy.intermediate_values[2] != copy.intermediate_values[2]
    assert store.curves(study_id, "2-loss")[0][0].score == 0.6


def test_a_run_that_two_phases_want_at_once_is_waited_for(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0])))
    store.open_phase(study_id, "2-loss", 5)
    assert isinstance(store.claim(study_id, "2-loss", "v", "n2", drawing([0])), Wait)
    assert copies(database_url) == []
    store.finish(lease, result("stalled", 0.8))
    assert isinstance(store.claim(study_id, "2-loss", "v", "n3", drawing([0])), PhaseDone)
    (copy,) = copies(database_url)
    assert (copy.value, copy.user_attrs["reused"]) == (0.8, "lr_aug/1-lr #0")


def test_an_orphan_of_another_phase_is_taken_over_where_it_is_wanted(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lost = lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0])))
    store.open_phase(study_id, "2-loss", 5)
    assert isinstance(store.claim(study_id, "2-loss", "v", "n2", drawing([0])), Wait)
    lose(store, lost)
    lease = lease_of(claim_soon(store, study_id, "2-loss", "v", drawing([0])))
    assert (lease.trial_id, lease.token, lease.optuna_study, lease.phase) == (lost.trial_id, 2, "lr_aug/1-lr", "2-loss")
    store.finish(lease, result())
    assert [run.state for run in store.runs(study_id)] == ["COMPLETE", "COMPLETE"]
    assert isinstance(store.claim(study_id, "2-loss", "v", "n9", drawing([0])), PhaseDone)
    assert [trial.state for trial in copies(database_url)] == [TrialState.COMPLETE]

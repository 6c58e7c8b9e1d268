"""A phase set aside makes room for one of its name, and keeps everything that was trained in it."""

import optuna
import pytest

from storage.errors import NameInvalid
from storage.rows import PhaseDone, Wait
from storage.store import Store
from tests.storage.small import TTL, drawing, epoch, lease_of, open_study, result


def test_what_was_set_aside_is_all_there_under_its_new_name_and_reused_by_what_comes_after(database_url: str) -> None:
    store = Store.connect(database_url, ttl=TTL)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0])))
    store.finish(lease, result("finished", 0.8), [epoch(1, 0.6), epoch(2, 0.8)])
    assert store.set_aside(study_id, "1-lr", "1-lr.quick")
    assert [row.label for row in store.runs(study_id, "1-lr.quick")] == ["lr 0.001"]
    assert not store.runs(study_id, "1-lr.quick")[0].reused
    trial = optuna.load_study(study_name="lr_aug/1-lr.quick", storage=database_url).trials[0]
    assert trial.value == 0.8

    store.open_phase(study_id, "1-lr", 3)
    new = lease_of(store.claim(study_id, "1-lr", "w", "n2", drawing([0, 1])))
    assert new.signature == "signature-1", "the run that was set aside is referenced, not trained again"
    assert [row.reused for row in store.runs(study_id, "1-lr")] == [True, False]
    assert not store.set_aside(study_id, "1-lr", "1-lr.quick"), "once only: what bears the name now came after"
    assert len(store.runs(study_id, "1-lr")) == 2
    store.close()


def test_a_phase_that_was_never_opened_is_not_set_aside(database_url: str) -> None:
    store = Store.connect(database_url, ttl=TTL)
    study_id = open_study(store)
    assert not store.set_aside(study_id, "9-none", "9-none.quick")
    with pytest.raises(NameInvalid):
        store.set_aside(study_id, "1-lr", "Not/A/Phase")
    assert isinstance(store.claim(study_id, "1-lr", "w", "n", drawing([])), PhaseDone)
    store.close()


def test_a_study_is_deleted_with_what_was_set_aside(database_url: str) -> None:
    store = Store.connect(database_url, ttl=TTL)
    study_id = open_study(store)
    store.finish(lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0]))), result())
    store.set_aside(study_id, "1-lr", "1-lr.quick")
    store.delete("lr_aug")
    assert optuna.get_all_study_names(database_url) == []
    store.close()


def test_who_has_read_a_phase_before_it_was_set_aside_reads_the_new_one(database_url: str) -> None:
    store, other = Store.connect(database_url), Store.connect(database_url)
    study_id = open_study(store, allowed=1)
    store.finish(lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0]))), result())
    for phase in ("1-lr", None):
        assert len(other.runs(study_id, phase)) == 1
    assert store.set_aside(study_id, "1-lr", "1-lr.quick")
    store.open_phase(study_id, "1-lr", 1)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n2", drawing([7])))
    assert [(row.phase, row.signature) for row in other.runs(study_id, "1-lr")] == [("1-lr", lease.signature)]
    assert sorted(row.phase for row in other.runs(study_id)) == ["1-lr", "1-lr.quick"]
    assert isinstance(other.claim(study_id, "1-lr", "v", "n3", drawing([7])), Wait)
    store.close()
    other.close()


def test_what_goes_along_goes_in_the_same_step_or_not_at_all(database_url: str) -> None:
    store = Store.connect(database_url, ttl=TTL)
    study_id = open_study(store)
    along = {"1-lr/finals": "1-lr.quick/finals"}
    assert store.set_aside(study_id, "1-lr", "1-lr.quick", along)
    store.open_phase(study_id, "1-lr", 3)
    store.open_phase(study_id, "1-lr/finals", 3)
    assert not store.set_aside(study_id, "1-lr", "1-lr.quick", along), "finals that came after stay where they are"
    assert {state.phase for state in store.phases(study_id)} == {"1-lr", "1-lr.quick", "1-lr/finals"}
    store.close()

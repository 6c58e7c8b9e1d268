"""What the fleet agrees on, and who is in it."""

from storage.rows import TestOpening, Verdict
from storage.store import Store
from tests.storage.small import manifest, open_study


def test_what_is_claimed_once_is_kept(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    assert store.measurement(study_id, "noise") is None
    assert store.measure_once(study_id, "noise", {"sd": 0.01}, "w1") == {"sd": 0.01}
    assert store.measure_once(study_id, "noise", {"sd": 0.99}, "w2") == {"sd": 0.01}
    assert store.measurement(study_id, "noise") == {"sd": 0.01}
    first = store.decide_once(study_id, "lr", Verdict("better", "0.01", "{}", {"n": 3}, "w1"))
    assert store.decide_once(study_id, "lr", Verdict("tie", "0.02", "{}", None, "w2")) == first
    assert store.verdicts(study_id) == [first] and first.stage == "lr" and first.at > 1e9
    first_manifest = store.create("lr_aug", manifest("another"))
    assert first_manifest.definition == "as asked" and store.manifest("lr_aug") == first_manifest
    store.open_phase(study_id, "1-lr", 999)
    assert store.phases(study_id)[0].allowed == 8
    store.close()


def test_workers_come_beat_and_leave(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    store.register_worker(study_id, "host-1", "host", 1, "cuda:0 H200", {"torch": "2.14.1"})
    (worker,) = store.workers(study_id)
    assert worker.left_at is None and worker.versions == {"torch": "2.14.1"}
    store.beat(["host-1"], "trial 3")
    store.leave("host-1")
    (worker,) = store.workers(study_id)
    assert abs(store.now() - worker.last_seen) < 60
    assert worker.doing == "trial 3" and worker.left_at is not None and worker.left_at >= worker.started_at
    store.record_test_opening(study_id, "me", "confirm")
    (opening,) = store.test_openings(study_id)
    assert isinstance(opening, TestOpening) and (opening.who, opening.why) == ("me", "confirm")
    store.close()

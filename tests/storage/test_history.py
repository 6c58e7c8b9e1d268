"""What a look at the runs of a study reads, and what it need not read again."""

import pytest

from storage.history import History
from storage.store import Store
from tests.storage.small import drawing, lease_of, open_study, result

PHASE = "1-lr"


def test_a_claim_reads_nothing_again_of_what_others_are_training(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = Store.connect(database_url), Store.connect(database_url)
    study_id = open_study(store, allowed=20)
    running = [lease_of(store.claim(study_id, PHASE, "w", f"n{n}", drawing(range(20)))) for n in range(6)]
    lease_of(other.claim(study_id, PHASE, "v", "m0", drawing(range(20))))
    read: list[int] = []
    note = History.note
    monkeypatch.setattr(History, "note", lambda self, told: read.append(told[0]) or note(self, told))
    other.claim(study_id, PHASE, "v", "m1", drawing(range(20)))
    assert len(read) == 1, "its own run of before"
    store.finish(running[2], result(value=0.75))
    other.claim(study_id, PHASE, "v", "m2", drawing(range(20)))
    ended = [row for row in other.seen_runs(study_id, PHASE) if row.state == "COMPLETE"]
    assert [(row.trial_id, row.best_score) for row in ended] == [(running[2].trial_id, 0.75)]
    assert len(read) == 3
    store.close()
    other.close()


@pytest.mark.parametrize("phase", [None, PHASE])
def test_runs_of_a_phase_that_was_opened_meanwhile_are_seen_at_the_next_look(
    database_url: str, phase: str | None
) -> None:
    store, other = Store.connect(database_url), Store.connect(database_url)
    study_id = open_study(store, phase="pilot")
    assert other.runs(study_id, phase) == []
    store.open_phase(study_id, PHASE, 8)
    lease = lease_of(store.claim(study_id, PHASE, "w", "n1", drawing([0])))
    assert [row.trial_id for row in other.runs(study_id, phase)] == [lease.trial_id]
    store.close()
    other.close()

"""What the pruner sees."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from storage import runs
from storage.rows import EpochRow, Lease
from storage.store import Store
from tests.storage.small import drawing, epoch, lease_of, open_study, result


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.connect(database_url)
    yield store
    store.close()


def running(store: Store, study_id: int, index: int, scores: list[float], decay: list[float] | None = None) -> Lease:
    lease = lease_of(store.claim(study_id, "1-lr", "w", f"n{index}", drawing(range(index + 1))))
    rows: list[EpochRow] = [epoch(number, score) for number, score in enumerate(scores, 1)]
    rows += [epoch(number, score, "decay") for number, score in enumerate(decay or [], len(scores) + 1)]
    store.report(lease, rows)
    return lease


def test_a_rung_shows_who_has_reached_it_and_who_has_ended(store: Store) -> None:
    study_id = open_study(store, allowed=20)
    ends: list[tuple[list[float], list[float], Any]] = [
        ([0.5, 0.3, 0.9], [], None),  # beyond the rung: later epochs do not count
        ([0.4], [], None),  # not there yet
        ([0.4], [0.8, 0.8, 0.8], "stalled"),  # ended early: its constant phase counts, its decay does not
        ([0.2, 0.15], [], "pruned"),  # at this rung: company
        ([0.9, 0.9], [], "diverged"),
        ([0.9, 0.9], [], "failed"),
        ([math.nan, 0.1], [], None),
        ([math.nan, math.nan], [], None),  # nothing to compare
        ([0.1], [], "pruned"),  # at an earlier rung: it never came here
    ]
    for index, (scores, decay, stop) in enumerate(ends):
        lease = running(store, study_id, index, scores, decay)
        if stop is not None:
            store.finish(lease, result(stop, 0.8, epochs=len(scores) + len(decay)))
    seen = store.rung_scores(study_id, "1-lr", 2)
    assert [(score.number, score.best, score.state, score.stop) for score in seen] == [
        (0, 0.5, "RUNNING", None),
        (2, 0.4, "COMPLETE", "stalled"),
        (3, 0.2, "PRUNED", "pruned"),
        (6, 0.1, "RUNNING", None),
    ]
    assert {score.role for score in seen} == {"screen"}
    assert [score.best for score in store.rung_scores(study_id, "1-lr", 3) if score.number == 0] == [0.9]


def test_of_a_large_phase_the_newest_are_compared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_COMPARED", 3)
    study_id = open_study(store, allowed=20)
    for index in range(5):
        running(store, study_id, index, [index / 10])
    assert [score.number for score in store.rung_scores(study_id, "1-lr", 1)] == [2, 3, 4]


@pytest.mark.parametrize("count", [1, 5])
def test_epochs_read_back_to_the_bit(store: Store, count: int) -> None:
    study_id = open_study(store)
    scores = [0.1 + 0.2, 1e-300, 2**-1074, 1.7976931348623157e308, 1 / 3][:count]
    running(store, study_id, 0, scores)
    assert [row.score for row in store.curves(study_id, "1-lr")[0]] == scores


def test_a_score_that_is_not_finite_reads_back_as_nan(store: Store) -> None:
    study_id = open_study(store)
    running(store, study_id, 0, [math.inf, math.nan, 0.5])
    scores = [row.score for row in store.curves(study_id, "1-lr")[0]]
    assert math.isnan(scores[0]) and math.isnan(scores[1]) and scores[2] == 0.5

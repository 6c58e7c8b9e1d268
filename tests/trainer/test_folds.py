import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.folds import cut, hold_out
from trainer.replicate import Replicate
from trainer.sources.source import DataError

LABELS = np.repeat(np.arange(3), [60, 30, 30]).astype(np.int64)
GROUPS = (np.arange(120) // 3).astype(np.int64)
KNOWN_CUT = [6, 7, 9, 10, 14, 23, 25, 32, 33, 37, 38, 44, 63, 69, 74, 84, 88, 89, 93, 96, 103, 110, 111, 116]


@given(st.integers(0, 2000), st.booleans(), st.integers(2, 6))
def test_a_cut_loses_nothing_shares_nothing_and_separates_no_group(number: int, grouped: bool, folds: int) -> None:
    groups = GROUPS if grouped else None
    train, validation = cut(LABELS, groups, Replicate.numbered(number, folds))
    assert sorted([*train, *validation]) == list(range(120))
    if grouped:
        assert not set(GROUPS[train]) & set(GROUPS[validation])


def test_the_folds_of_a_split_are_each_validated_on_once() -> None:
    parts = [cut(LABELS, None, Replicate.numbered(number))[1] for number in range(5)]
    assert sorted(np.concatenate(parts)) == list(range(120))


def test_folds_are_stratified() -> None:
    for number in range(5):
        _, validation = cut(LABELS, None, Replicate.numbered(number))
        assert np.bincount(LABELS[validation]).tolist() == [12, 6, 6]


def test_another_split_seed_cuts_otherwise_and_the_same_one_the_same() -> None:
    first, again, other = (cut(LABELS, None, Replicate.numbered(number))[1].tolist() for number in (0, 0, 5))
    assert first == again != other


def test_the_cut_is_the_same_on_every_machine() -> None:
    _, validation = cut(LABELS, None, Replicate.numbered(7))
    assert validation.tolist() == KNOWN_CUT


def test_the_pilot_shares_the_split_of_replicate_zero() -> None:
    assert (
        cut(LABELS, None, Replicate.numbered(200))[1].tolist() == cut(LABELS, None, Replicate.numbered(0))[1].tolist()
    )


@pytest.mark.parametrize(("fraction", "count"), [(1 / 6, 20), (0.25, 30), (0.4, 48), (0.5, 60)])
def test_the_test_part_has_its_size_and_shares_no_group(fraction: float, count: int) -> None:
    development, test = hold_out(LABELS, GROUPS, fraction)
    assert abs(len(test) - count) <= 3
    assert sorted([*development, *test]) == list(range(120))
    assert not set(GROUPS[development]) & set(GROUPS[test])
    assert len(hold_out(LABELS, None, fraction)[1]) == count


@pytest.mark.parametrize("fraction", [0, -1, 0.6, float("nan"), 0.001])
def test_an_impossible_test_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(DataError, match="test fraction"):
        hold_out(LABELS, None, fraction)


def test_too_little_data_is_refused_in_words() -> None:
    few = np.array([0, 0, 0, 1, 1, 1], dtype=np.int64)
    with pytest.raises(DataError, match="the largest class has 3 images left and they are cut 5 ways"):
        cut(few, None, Replicate.numbered(0))
    with pytest.raises(DataError, match="there are 2 groups left"):
        cut(LABELS, np.repeat(np.arange(2), 60).astype(np.int64), Replicate.numbered(0))


def test_a_class_smaller_than_the_number_of_folds_is_allowed(recwarn: pytest.WarningsRecorder) -> None:
    labels = np.array([0] * 20 + [1] * 2, dtype=np.int64)
    train, validation = cut(labels, None, Replicate.numbered(0))
    assert len(train) + len(validation) == 22
    assert not recwarn.list

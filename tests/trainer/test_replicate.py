import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.replicate import Replicate


def test_the_folds_of_one_split_come_before_the_next_split() -> None:
    parts = [Replicate.numbered(number) for number in range(7)]
    assert [(part.split_seed, part.fold) for part in parts] == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)]
    assert [part.seed for part in parts] == list(range(7))


def test_the_pilot_trains_other_seeds_on_the_split_of_replicate_zero() -> None:
    for study in (0, 3000):
        screen = Replicate.numbered(study)
        for number in range(study + 200, study + 204):
            pilot = Replicate.numbered(number)
            assert (pilot.split_seed, pilot.fold, pilot.seed) == (screen.split_seed, screen.fold, number)


@given(st.integers(0, 10**6), st.integers(2, 10))
def test_no_two_replicates_share_split_fold_and_seed(number: int, folds: int) -> None:
    one, next_one = Replicate.numbered(number, folds), Replicate.numbered(number + 1, folds)
    assert 0 <= one.fold < folds
    assert one.seed != next_one.seed
    if number % 1000 < 199:
        assert (one.split_seed, one.fold) != (next_one.split_seed, next_one.fold)


@pytest.mark.parametrize(("number", "folds"), [(-1, 5), (0, 1)])
def test_an_impossible_replicate_is_refused(number: int, folds: int) -> None:
    with pytest.raises(ValueError, match=r"replicate -1|1 folds"):
        Replicate.numbered(number, folds)

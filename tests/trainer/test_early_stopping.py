import math

from hypothesis import assume, given
from hypothesis import strategies as st

from trainer.early_stopping import best_epoch, stalled
from trainer.recipe import Plateau

SCORES = st.lists(st.floats(0, 1) | st.just(math.nan), max_size=30)
PLATEAUS = st.builds(Plateau, patience=st.integers(1, 6), delta=st.floats(0, 0.2))


@given(SCORES, st.floats(0, 1), PLATEAUS)
def test_a_flat_tail_always_stalls(before: list[float], level: float, plateau: Plateau) -> None:
    assert stalled([*before, *[level] * (plateau.patience + 1)], plateau)


@given(st.data(), PLATEAUS)
def test_a_curve_that_gains_more_than_delta_within_every_patience_epochs_never_stalls(
    data: st.DataObject, plateau: Plateau
) -> None:
    reference = 0.0
    scores = [reference]
    for _ in range(8):
        idle = data.draw(st.integers(0, plateau.patience - 1))
        for _ in range(idle):
            scores.append(reference - data.draw(st.floats(0, 0.5)))
            assert not stalled(scores, plateau)
        reference = math.nextafter(reference + plateau.delta, math.inf) + data.draw(st.floats(0, 0.1))
        scores.append(reference)
        assert not stalled(scores, plateau)


@given(st.integers(0, 20), PLATEAUS)
def test_nan_is_no_progress(count: int, plateau: Plateau) -> None:
    assert stalled([math.nan] * count, plateau) == (count >= plateau.patience)
    assert stalled([0.5, *[math.nan] * plateau.patience], plateau)


@given(SCORES, PLATEAUS)
def test_nan_counts_like_any_epoch_without_progress(scores: list[float], plateau: Plateau) -> None:
    assume(not math.isnan(next(iter(scores), math.nan)))
    low = [-1.0 if math.isnan(score) else score for score in scores]
    assert stalled(scores, plateau) == stalled(low, plateau)


def test_a_slow_climb_counts_once_it_adds_up_to_more_than_delta() -> None:
    plateau = Plateau(patience=3, delta=0.01)
    assert not stalled([0.5, 0.505, 0.509, 0.512], plateau)
    assert stalled([0.5, 0.505, 0.509, 0.51], plateau)


def test_no_score_is_no_stall() -> None:
    assert not stalled([], Plateau(patience=1, delta=0))


@given(SCORES)
def test_the_best_epoch_is_the_first_highest_whatever_delta(scores: list[float]) -> None:
    number = best_epoch(scores)
    real = [score for score in scores if not math.isnan(score)]
    if not real:
        assert number == 0
    else:
        assert scores[number - 1] == max(real)
        assert max(real) not in scores[: number - 1]

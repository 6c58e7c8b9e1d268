import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from search.stopping import no_rise
from search.verdict import DELTA_CEILING, Contender, choose, oscillation, paired_gain, sized, spread
from trainer.early_stopping import stalled
from trainer.recipe import Plateau

SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def contender(label: str, *scores: float, incumbent: bool = False, dropped: str | None = None) -> Contender:
    return Contender(label, incumbent, dict(enumerate(scores, start=1)), dropped)


def test_the_working_choice_is_the_highest_mean_over_the_common_replicates() -> None:
    choice = choose([contender("a", 0.5, 0.5, 0.5, incumbent=True), contender("b", 0.4, 0.6, 0.62)], (1, 2, 3))
    assert choice is not None
    assert (choice.outcome, choice.label) == ("leaning", "b")
    assert choice.gain == pytest.approx(0.04)


def test_an_exact_draw_keeps_the_incumbent() -> None:
    choice = choose([contender("b", 0.5, 0.5), contender("a", 0.5, 0.5, incumbent=True)], (1, 2))
    assert choice is not None
    assert (choice.outcome, choice.label) == ("tie", "a")


def test_a_finalist_that_was_dropped_never_wins() -> None:
    best = contender("b", 0.9, 0.9, dropped="diverged on replicate 3")
    choice = choose([contender("a", 0.5, 0.5, incumbent=True), best], (1, 2))
    assert choice is not None
    assert choice.label == "a"
    assert choose([best], (1, 2)) is None


def test_a_challenger_can_win_against_an_incumbent_that_diverged() -> None:
    choice = choose(
        [contender("a", incumbent=True, dropped="diverged on replicate 1"), contender("b", 0.3, 0.3)], (1, 2)
    )
    assert choice is not None
    assert (choice.outcome, choice.label) == ("leaning", "b")
    assert math.isnan(choice.gain)


@given(ours=SCORES, shift=st.floats(-0.5, 0.5))
def test_a_constant_gain_has_that_mean_and_an_interval_of_no_width(ours: list[float], shift: float) -> None:
    gain = paired_gain([score + shift for score in ours], ours)
    assert gain.mean == pytest.approx(shift, abs=1e-9)
    assert gain.low == pytest.approx(shift, abs=1e-6)
    assert gain.high == pytest.approx(shift, abs=1e-6)


@given(ours=SCORES, theirs=SCORES)
def test_a_paired_gain_is_the_textbook_interval(ours: list[float], theirs: list[float]) -> None:
    size = min(len(ours), len(theirs))
    gains = [a - b for a, b in zip(ours[:size], theirs[:size], strict=True)]
    if max(gains) - min(gains) < 1e-9:
        return
    gain = paired_gain(ours[:size], theirs[:size])
    low, high = stats.t.interval(0.95, size - 1, loc=gain.mean, scale=stats.sem(gains))
    assert (gain.low, gain.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_a_gain_from_one_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        paired_gain([0.5], [0.4])


def test_oscillation_ignores_the_rise_and_measures_the_converged_half() -> None:
    flat = [0.1, 0.5, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9]
    rising = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    shaky = [0.1, 0.5, 0.8, 0.9, 0.91, 0.89, 0.91, 0.89]
    assert oscillation([flat]) == 0.0
    assert oscillation([rising]) == pytest.approx(0.0, abs=1e-12)
    assert oscillation([flat, shaky]) < oscillation([shaky])
    assert 0.01 < oscillation([shaky]) < 0.03
    assert oscillation([[math.nan, math.nan]]) == 0.0
    assert oscillation([]) == 0.0


@given(st.integers(0, 10_000), st.floats(0.0, 0.002))
def test_a_curve_that_rises_is_not_stopped_however_far_seeds_lie_apart(seed: int, swing: float) -> None:
    draw = random.Random(seed)
    starts = [0.7 + draw.gauss(0, 0.01) for _ in range(4)]  # a spread of 1.0 points over seeds
    curves = [[start + 0.003 * n + draw.uniform(-swing, swing) for n in range(20)] for start in starts]
    delta = sized(oscillation(curves), images=300, ceiling=DELTA_CEILING)
    assert delta < 0.01, "delta is how far a curve swings, not how far seeds lie apart"
    for start in starts:
        rising = [start + 0.003 * n for n in range(60)]
        assert not any(stalled(rising[:end], Plateau(patience=3, delta=delta)) for end in range(60))


def test_spread_is_the_sample_standard_deviation() -> None:
    assert spread([0.90, 0.92]) == pytest.approx(0.02 / math.sqrt(2))
    assert spread([0.9]) == 0.0
    assert spread([0.9, math.nan]) == 0.0


def test_no_difference_is_never_smaller_than_one_validation_image() -> None:
    assert sized(0.0, images=250, ceiling=0.02) == 0.004
    assert sized(0.0123, images=250, ceiling=0.02) == 0.012
    assert sized(0.5, images=250, ceiling=0.02) == 0.02


def test_a_search_ends_when_nothing_rose_above_noise_for_long_enough() -> None:
    assert no_rise([0.5, 0.51, 0.52, 0.515], noise=0.05, patience=3)
    assert not no_rise([0.5, 0.51, 0.56, 0.515], noise=0.05, patience=3)
    assert not no_rise([0.5, 0.51], noise=0.05, patience=3)

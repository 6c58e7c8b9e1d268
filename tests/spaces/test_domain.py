import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.domain import LogGrid, label
from trainer.recipe import Focal, Mixup, Recipe

EDGES = st.floats(min_value=1e-6, max_value=1e3)


@given(low=EDGES, ratio=st.floats(min_value=1.0, max_value=1e4))
def test_a_log_grid_begins_at_low_never_passes_high_and_repeats_nothing(low: float, ratio: float) -> None:
    grid = LogGrid(low=low, high=low * ratio)
    values = grid.values()
    assert values[0] == pytest.approx(low, rel=1e-3)
    assert values[-1] <= grid.high * 1.001
    assert len(set(values)) == len(values)
    assert all(b / a == pytest.approx(math.sqrt(2), rel=2e-3) for a, b in pairwise(values))


@given(low=EDGES, ratio=st.floats(min_value=1.0, max_value=1e4))
def test_every_corner_of_a_grid_is_a_valid_learning_rate(low: float, ratio: float) -> None:
    for value in LogGrid(low=low, high=low * ratio).values():
        if value <= 10_000:
            assert Recipe(lr=value).lr == value, "a grid value must survive the recipe's own rounding"


def test_a_grid_upside_down_is_refused() -> None:
    with pytest.raises(ValidationError, match="low <= high"):
        LogGrid(low=1.0, high=0.1)


def test_a_label_names_a_value_as_people_write_it() -> None:
    assert [label(0.001), label(0.001414), label(Focal(gamma=2.0)), label(Mixup(alpha=0.2))] == [
        "0.001",
        "0.001414",
        "focal(2)",
        "mixup(0.2)",
    ]

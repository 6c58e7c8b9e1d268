"""One factor by itself: for every value of a stage what the screen said, and what fresh replicates said."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.canvas import drawing
from search.plot_line import line
from search.plot_marks import ValueScores
from search.plot_rows import rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def isolation(values: Sequence[ValueScores], metric: str = "score", axis: str = "", title: str = "") -> "Figure":
    """Score by value: as rows, or against the value on a log axis named `axis` where every value has a position."""
    on_a_line = len(values) > 1 and all(value.position is not None and value.position > 0 for value in values)
    with drawing():
        return line(values, metric, axis, title) if on_a_line else rows(values, metric, title)

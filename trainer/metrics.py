"""The names of what a run can be scored by."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from trainer.measures import Measure

_USUAL = ("macro_f1", "accuracy")  # known without torchmetrics: higher is better, at most 1


class MetricError(ValueError):
    """A metric that cannot be a score: one line saying what was given and what is allowed."""


def check_metric(name: str) -> str:
    """`name`, if it can be a score; MetricError in one line if not."""
    if name not in _USUAL:
        _measure(name)
    return name


def direction(name: str) -> Literal["higher", "lower"]:
    """Which values of the metric itself are better; of the score it is always the higher."""
    return "higher" if name in _USUAL or _measure(name).higher_is_better else "lower"


def shown_metric(name: str) -> str:
    """What the score is: `cohen_kappa`, `1 - calibration_error`."""
    return name if direction(name) == "higher" else f"{_measure(name).upper:g} - {name}"


def _measure(name: str) -> "Measure":
    from trainer.measures import measures

    if name in measures():
        return measures()[name]
    known = sorted(measures())
    close = get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(close)}? Else " if close else ""
    raise MetricError(f"no metric {name!r}: {hint}there is {', '.join(known)}")

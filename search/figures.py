"""The figures of one report as SVG, each drawn again only when what it shows has changed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from search import plots
from search.plots import Curve, ValueScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from search.plot_leaderboard import Point
    from search.records import Gain


class Figures:
    """Remembers by name what was drawn from what."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[str, str]] = {}

    @property
    def drawn(self) -> dict[str, str]:
        """Name -> SVG of everything that was drawn."""
        return {name: svg for name, (_, svg) in self._drawn.items()}

    def isolation(self, name: str, values: Sequence[ValueScores], metric: str, axis: str) -> str:
        return self._svg(name, (values, metric, axis), lambda: plots.isolation(values, metric, axis))

    def curves(self, name: str, curves: Sequence[Curve], rungs: Sequence[int], metric: str) -> str:
        if not curves:
            return ""
        return self._svg(name, (curves, rungs, metric), lambda: plots.curves(curves, rungs, metric))

    def confusion(self, matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
        return self._svg("confusion", (matrix, classes), lambda: plots.confusion(matrix, classes))

    def gains(self, told: "Sequence[tuple[str, Gain]]", name: str = "gains") -> str:
        return self._svg(name, told, lambda: plots.gains(told)) if told else ""

    def leaderboard(self, told: "Sequence[Point]") -> str:
        return self._svg("leaderboard", told, lambda: plots.leaderboard(told)) if told else ""

    def _svg(self, name: str, data: Any, draw: "Callable[[], Figure]") -> str:
        key = repr(data)
        if name not in self._drawn or self._drawn[name][0] != key:
            self._drawn[name] = key, plots.as_svg(draw())
        return self._drawn[name][1]

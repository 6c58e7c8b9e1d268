"""The values of a stage along a log axis: what lies on a line, such as the learning rate."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.canvas import ACCENT, QUIET, SMALL, new_figure, shown
from search.plot_marks import WIDTH, ValueScores, legend, mark_incumbent, quiet, role_of, title, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def line(values: Sequence[ValueScores], metric: str, axis: str, heading: str) -> "Figure":
    height = 2.7 + (0.2 if heading else 0.0)
    figure = new_figure(WIDTH, height)
    top = 0.46 if heading else 0.26
    axes = figure.add_axes((0.56 / WIDTH, 0.66 / height, (WIDTH - 0.72) / WIDTH, 1 - (0.66 + top) / height))
    ordered = sorted(values, key=lambda value: value.position or 0.0)
    low, high = window(values)
    axes.set_xscale("log")
    axes.set_ylim(low, high)
    axes.spines[["right", "top"]].set_visible(False)
    quiet(axes, "y")
    quiet(axes, "x")
    axes.minorticks_off()
    places = [value.position or 1.0 for value in ordered]
    axes.set_xlim(places[0] / 1.25, places[-1] * 1.25)
    step = max(1, math.ceil(len(places) / 7))
    ticks = places[::step]
    axes.set_xticks(ticks, [f"{place:g}" for place in ticks])
    axes.set_xlabel(shown(axis), color=QUIET, labelpad=2)
    axes.set_title(metric, loc="left", color=QUIET, size=SMALL, pad=3)
    mark_incumbent(axes, values, vertical=False)
    seen = [(value.position or 1.0, value.screen) for value in ordered if value.screen is not None and not value.cut]
    axes.plot([p for p, _ in seen], [s for _, s in seen], color=QUIET, lw=0.9, alpha=0.45, zorder=1)
    _screen_marks(axes, ordered, low)
    for value in ordered:
        if value.mean is None:
            continue
        colour, place = ACCENT if value.winner else QUIET, value.position or 1.0
        axes.plot(
            [place] * len(value.replicates), value.replicates, "o", ms=4, color=colour, alpha=0.38, mew=0, zorder=3
        )
        if value.mean is not None:
            half = value.half_width or 0.0
            axes.plot([place, place], [value.mean - half, value.mean + half], color=colour, lw=1.6, zorder=4)
            axes.plot([place], [value.mean], "o", ms=6.5, color=colour, mew=0, zorder=5)
            if role := role_of(value):
                foot = (place, min(value.mean - half, *value.replicates))
                beside = {"xytext": (0, -4), "textcoords": "offset points", "ha": "center", "va": "top", "zorder": 6}
                axes.annotate(role, foot, color=colour, size=SMALL, annotation_clip=False, **beside)
    legend(figure, height)
    title(figure, heading, height)
    return figure


def _screen_marks(axes: "Axes", values: Sequence[ValueScores], low: float) -> None:
    """All of one kind at once; what lies below the plot stands at its foot, pointing down."""
    kinds: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for value in values:
        if value.screen is not None:
            mark, face = "D" if value.screen >= low else "v", "none" if value.cut else QUIET
            kinds.setdefault((mark, face), []).append((value.position or 1.0, max(value.screen, low)))
    look = {"ls": "none", "ms": 4, "mec": QUIET, "alpha": 0.6, "mew": 0.8, "zorder": 2, "clip_on": False}
    for (mark, face), points in kinds.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker=mark, mfc=face, **look)

"""The values of a stage as rows: what has no order of its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search import canvas
from search.canvas import ACCENT, INK, NORMAL, QUIET, RULE, SMALL, new_figure, shown
from search.plot_marks import WIDTH, ValueScores, legend, mark_incumbent, quiet, role_of, title, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.36  # inches
DRAWN = 24  # values at most; the best ones


def rows(values: Sequence[ValueScores], metric: str, heading: str) -> "Figure":
    ordered = sorted(values, key=lambda v: (v.mean is None, -(v.mean or 0.0), -(v.screen or 0.0)))
    left_out, ordered = len(ordered[DRAWN:]), ordered[:DRAWN]
    names = [shown(value.label, 26) for value in ordered]
    left = max(0.7, max((canvas.inches(name, NORMAL) for name in names), default=0.0) + 0.15)
    top = 0.30 if heading else 0.10
    height = ROW * max(len(ordered), 1) + 0.68 + top
    figure = new_figure(WIDTH, height)
    bottom = 0.64 / height
    axes = figure.add_axes((left / WIDTH, bottom, (WIDTH - left - 0.12) / WIDTH, 1 - bottom - top / height))
    low, high = window(values)
    axes.set_xlim(low, high)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.set_yticks([])
    quiet(axes, "x")
    axes.set_xlabel(metric + (f"; {left_out} more values behind these" if left_out else ""), color=QUIET, labelpad=3)
    mark_incumbent(axes, values, vertical=True)
    for row, (value, name) in enumerate(zip(ordered, names, strict=True)):
        colour = ACCENT if value.winner else QUIET
        role = role_of(value)
        weight = "bold" if value.winner else "normal"
        lift = -0.12 if role else 0.0
        figure.text(
            (left - 0.08) / WIDTH, _height(axes, row + lift), name, ha="right", va="center", color=INK, weight=weight
        )
        if role:
            figure.text(
                (left - 0.08) / WIDTH,
                _height(axes, row + 0.27),
                role,
                ha="right",
                va="center",
                color=colour,
                size=SMALL,
            )
        axes.plot([low, high], [row, row], color=RULE, lw=0.6, zorder=0)
        if value.screen is not None:
            _screen_mark(axes, value, row, low, high)
        axes.plot(value.replicates, [row] * len(value.replicates), "o", ms=4, color=colour, alpha=0.38, mew=0, zorder=3)
        if value.mean is not None:
            half = value.half_width or 0.0
            axes.plot([value.mean - half, value.mean + half], [row, row], color=colour, lw=1.6, zorder=4)
            axes.plot([value.mean], [row], "o", ms=6.5, color=colour, mew=0, zorder=5)
    legend(figure, height)
    title(figure, heading, height)
    return figure


def _screen_mark(axes: "Axes", value: ValueScores, row: int, low: float, high: float) -> None:
    score = value.screen or 0.0
    if score < low:
        axes.plot(
            [low], [row], "<", ms=4, mfc="none" if value.cut else QUIET, mec=QUIET, alpha=0.6, mew=0.8, clip_on=False
        )
        axes.text(low + 0.025 * (high - low), row, f"{score:.3f}", color=QUIET, size=SMALL, va="center")
    else:
        face = "none" if value.cut else QUIET
        axes.plot([score], [row - 0.2], "D", ms=4.2, mfc=face, mec=QUIET, alpha=0.55, mew=0.8, zorder=2)


def _height(axes: "Axes", row: float) -> float:
    """The height of a row as a share of the figure."""
    box, (bottom, top) = axes.get_position(), axes.get_ylim()
    return box.y0 + box.height * (row - bottom) / (top - bottom)

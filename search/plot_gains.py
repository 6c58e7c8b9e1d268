"""Gains with their intervals, next to zero."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search import canvas
from search.canvas import ACCENT, INK, NORMAL, QUIET, RULE, SMALL, drawing, new_figure, shown
from search.records import Gain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, ROW = 4.8, 0.32  # inches


def gains(told: Sequence[tuple[str, Gain]]) -> "Figure":
    """Each named gain as a dot with its 95 % interval, in points (hundredths of the score)."""
    with drawing():
        names = [shown(name, 30) for name, _ in told]
        left = max(canvas.inches(name, NORMAL) for name in names) + 0.2
        height = ROW * len(told) + 0.5
        figure = new_figure(WIDTH, height)
        axes = figure.add_axes((left / WIDTH, 0.44 / height, (WIDTH - left - 0.15) / WIDTH, 1 - 0.48 / height))
        ends = [100 * end for _, gain in told for end in (gain.low, gain.high)]
        low, high = min(0.0, *ends), max(0.0, *ends)
        room = 0.06 * max(high - low, 0.01)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(len(told) - 0.5, -0.5)
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.set_yticks(range(len(told)), names)
        axes.tick_params(axis="y", labelcolor=INK, length=0, labelsize=NORMAL)
        axes.tick_params(axis="x", colors=QUIET, labelsize=SMALL, length=2.5, width=0.6)
        axes.set_xlabel("points, with 95 % interval", color=QUIET, labelpad=2)
        axes.axvline(0, color=QUIET, lw=1.0)
        for row, (_, gain) in enumerate(told):
            colour = ACCENT if gain.low > 0 else QUIET
            axes.plot([axes.get_xlim()[0], axes.get_xlim()[1]], [row, row], color=RULE, lw=0.6, zorder=0)
            axes.plot([100 * gain.low, 100 * gain.high], [row, row], color=colour, lw=2.0, solid_capstyle="round")
            axes.plot([100 * gain.mean], [row], "o", ms=7, color=colour, mew=0)
        return figure

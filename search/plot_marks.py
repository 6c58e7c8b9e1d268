"""What a value of a stage is drawn from, and the marks that both kinds of isolation plot share."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.canvas import INK, QUIET, SMALL, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.8  # inches


@dataclass(frozen=True)
class ValueScores:
    """What is known of one scientific value.

    `screen`: its best score on the replicate of the screen over all nuisance settings; None where none counts.
    `replicates`: its scores on the common fresh replicates. `position`: where it stands, if a stage asks along a line.
    `cut`: every screen trial of it was pruned, and `screen` is the highest score that was seen.
    """

    label: str
    screen: float | None
    replicates: tuple[float, ...] = ()
    incumbent: bool = False
    winner: bool = False
    cut: bool = False
    position: float | None = None

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.replicates) if self.replicates else None

    @property
    def half_width(self) -> float | None:
        """Half of the 95 % interval of the mean (Student's t); None for fewer than two replicates."""
        from scipy.stats import t

        count = len(self.replicates)
        if count < 2:
            return None
        return float(t.ppf(0.975, count - 1)) * statistics.stdev(self.replicates) / math.sqrt(count)


def role_of(value: ValueScores) -> str:
    return ", ".join(word for word, holds in (("winner", value.winner), ("incumbent", value.incumbent)) if holds)


def window(values: Sequence[ValueScores]) -> tuple[float, float]:
    """The scores worth their room: those of the finalists, and of the screen what is near them."""
    core = [score for value in values for score in value.replicates if math.isfinite(score)]
    core += [
        value.mean + sign * value.half_width for value in values if value.mean and value.half_width for sign in (-1, 1)
    ]
    screens = [value.screen for value in values if value.screen is not None and math.isfinite(value.screen)]
    if not core:
        core = sorted(screens)[len(screens) // 3 :]
    if not core:
        return 0.0, 1.0
    low, high = min(core), max([*core, *screens])
    span = max(high - low, 0.004)
    near = [score for score in screens if score > low - 0.8 * span]
    low = min([low, *near])
    return low - 0.12 * span, high + 0.06 * span


def mark_incumbent(axes: "Axes", values: Sequence[ValueScores], vertical: bool) -> None:
    held = next((value.mean for value in values if value.incumbent and value.mean is not None), None)
    if held is not None:
        (axes.axvline if vertical else axes.axhline)(held, color=QUIET, lw=0.8, ls=(0, (2, 3)), alpha=0.7, zorder=0)


def legend(figure: "Figure", height: float) -> None:
    """Below the plot, in words."""
    from matplotlib.lines import Line2D

    marks = [
        (Line2D([], [], marker="D", ms=4, alpha=0.55, color="none", mfc=QUIET, mec=QUIET), "screen"),
        (Line2D([], [], marker="D", ms=4, alpha=0.7, color="none", mfc="none", mec=QUIET), "pruned"),
        (Line2D([], [], marker="o", ms=4, alpha=0.45, color="none", mfc=QUIET, mec="none"), "replicate"),
        (Line2D([], [], marker="o", ms=6, color=QUIET, mec="none", lw=1.6), "mean, 95 % interval"),
    ]
    legend = figure.legend(
        [mark for mark, _ in marks],
        [words for _, words in marks],
        loc="lower center",
        bbox_to_anchor=(0.5, 0.02 / height),
        ncols=len(marks),
        frameon=False,
        fontsize=SMALL,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
        borderpad=0,
    )
    for text in legend.get_texts():
        text.set_color(QUIET)


def title(figure: "Figure", title: str, height: float) -> None:
    if title:
        figure.text(0.02, 1 - 0.05 / height, shown(title, 62), va="top", ha="left", color=INK, weight="bold")


def quiet(axes: "Axes", which: str) -> None:
    axes.tick_params(axis=which, colors=QUIET, labelsize=SMALL, length=2.5, width=0.6)  # pyright: ignore[reportArgumentType]

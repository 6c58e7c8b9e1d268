"""One factor by itself: for every value of a stage what the screen said, and what fresh replicates said."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search import canvas
from search.canvas import ACCENT, INK, NORMAL, QUIET, RULE, SMALL, drawing, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, ROW = 4.8, 0.36  # inches
DRAWN = 24  # values at most; the best ones


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


def isolation(values: Sequence[ValueScores], metric: str = "score", axis: str = "", title: str = "") -> "Figure":
    """Score by value: as rows, or against the value on a log axis named `axis` where every value has a position."""
    on_a_line = len(values) > 1 and all(value.position is not None and value.position > 0 for value in values)
    with drawing():
        return _line(values, metric, axis, title) if on_a_line else _rows(values, metric, title)


def _rows(values: Sequence[ValueScores], metric: str, title: str) -> "Figure":
    ordered = sorted(values, key=lambda v: (v.mean is None, -(v.mean or 0.0), -(v.screen or 0.0)))
    left_out, ordered = len(ordered[DRAWN:]), ordered[:DRAWN]
    names = [shown(value.label, 26) for value in ordered]
    left = max(0.7, max((canvas.inches(name, NORMAL) for name in names), default=0.0) + 0.15)
    top = 0.30 if title else 0.10
    height = ROW * max(len(ordered), 1) + 0.68 + top
    figure = new_figure(WIDTH, height)
    bottom = 0.64 / height
    axes = figure.add_axes((left / WIDTH, bottom, (WIDTH - left - 0.12) / WIDTH, 1 - bottom - top / height))
    low, high = _window(values)
    axes.set_xlim(low, high)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.set_yticks([])
    _quiet(axes, "x")
    axes.set_xlabel(metric + (f"; {left_out} more values behind these" if left_out else ""), color=QUIET, labelpad=3)
    _line_of_incumbent(axes, values, vertical=True)
    for row, (value, name) in enumerate(zip(ordered, names, strict=True)):
        colour = ACCENT if value.winner else QUIET
        role = _role(value)
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
    _legend(figure, height)
    _title(figure, title, height)
    return figure


def _line(values: Sequence[ValueScores], metric: str, axis: str, title: str) -> "Figure":
    height = 2.7 + (0.2 if title else 0.0)
    figure = new_figure(WIDTH, height)
    top = 0.46 if title else 0.26
    axes = figure.add_axes((0.56 / WIDTH, 0.66 / height, (WIDTH - 0.72) / WIDTH, 1 - (0.66 + top) / height))
    ordered = sorted(values, key=lambda value: value.position or 0.0)
    low, high = _window(values)
    axes.set_xscale("log")
    axes.set_ylim(low, high)
    axes.spines[["right", "top"]].set_visible(False)
    _quiet(axes, "y")
    _quiet(axes, "x")
    axes.minorticks_off()
    places = [value.position or 1.0 for value in ordered]
    axes.set_xlim(places[0] / 1.25, places[-1] * 1.25)
    step = max(1, math.ceil(len(places) / 7))
    ticks = places[::step]
    axes.set_xticks(ticks, [f"{place:g}" for place in ticks])
    axes.set_xlabel(shown(axis), color=QUIET, labelpad=2)
    axes.set_title(metric, loc="left", color=QUIET, size=SMALL, pad=3)
    _line_of_incumbent(axes, values, vertical=False)
    seen = [(value.position or 1.0, value.screen) for value in ordered if value.screen is not None and not value.cut]
    axes.plot([p for p, _ in seen], [s for _, s in seen], color=QUIET, lw=0.9, alpha=0.45, zorder=1)
    for value in ordered:
        colour, place = ACCENT if value.winner else QUIET, value.position or 1.0
        if value.screen is not None:
            inside = max(value.screen, low)
            mark = "D" if inside == value.screen else "v"
            face = "none" if value.cut else QUIET
            axes.plot([place], [inside], mark, ms=4, mfc=face, mec=QUIET, alpha=0.6, mew=0.8, zorder=2, clip_on=False)
        axes.plot(
            [place] * len(value.replicates), value.replicates, "o", ms=4, color=colour, alpha=0.38, mew=0, zorder=3
        )
        if value.mean is not None:
            half = value.half_width or 0.0
            axes.plot([place, place], [value.mean - half, value.mean + half], color=colour, lw=1.6, zorder=4)
            axes.plot([place], [value.mean], "o", ms=6.5, color=colour, mew=0, zorder=5)
            if role := _role(value):
                foot = (place, min(value.mean - half, *value.replicates))
                beside = {"xytext": (0, -4), "textcoords": "offset points", "ha": "center", "va": "top", "zorder": 6}
                axes.annotate(role, foot, color=colour, size=SMALL, annotation_clip=False, **beside)
    _legend(figure, height)
    _title(figure, title, height)
    return figure


def _role(value: ValueScores) -> str:
    return ", ".join(word for word, holds in (("winner", value.winner), ("incumbent", value.incumbent)) if holds)


def _window(values: Sequence[ValueScores]) -> tuple[float, float]:
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


def _line_of_incumbent(axes: "Axes", values: Sequence[ValueScores], vertical: bool) -> None:
    held = next((value.mean for value in values if value.incumbent and value.mean is not None), None)
    if held is not None:
        (axes.axvline if vertical else axes.axhline)(held, color=QUIET, lw=0.8, ls=(0, (2, 3)), alpha=0.7, zorder=0)


def _legend(figure: "Figure", height: float) -> None:
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


def _title(figure: "Figure", title: str, height: float) -> None:
    if title:
        figure.text(0.02, 1 - 0.05 / height, shown(title, 62), va="top", ha="left", color=INK, weight="bold")


def _quiet(axes: "Axes", which: str) -> None:
    axes.tick_params(axis=which, colors=QUIET, labelsize=SMALL, length=2.5, width=0.6)  # pyright: ignore[reportArgumentType]


def _height(axes: "Axes", row: float) -> float:
    """The height of a row as a share of the figure."""
    box, (bottom, top) = axes.get_position(), axes.get_ylim()
    return box.y0 + box.height * (row - bottom) / (top - bottom)

"""The learning curves of a phase, coloured by how their runs ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.canvas import INK, QUIET, RULE, SMALL, STOPS, drawing, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.8, 2.7  # inches
DRAWN = 80  # curves at most


@dataclass(frozen=True)
class Curve:
    """`scores[i]` is the validation score after epoch i + 1, NaN where there is none. `stop` is None while it runs."""

    label: str
    stop: str | None
    scores: tuple[float, ...]

    @property
    def best(self) -> float:
        return max((score for score in self.scores if math.isfinite(score)), default=-math.inf)


def curves(
    told: Sequence[Curve], rungs: Sequence[int] = (), metric: str = "score", title: str = "", leader: str | None = None
) -> "Figure":
    """Validation score per epoch. `leader` is the label of the curve that is named; by default the highest that ended.

    Of more than 80 curves the best 40 and an even choice of the others are drawn, and the axis says so.
    """
    there = [curve for curve in told if math.isfinite(curve.best)]
    drawn = _choice(there)
    with drawing():
        return _draw(drawn, len(there), rungs, metric, title, leader)


def _draw(
    drawn: Sequence[Curve], count: int, rungs: Sequence[int], metric: str, title: str, leader: str | None
) -> "Figure":
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(WIDTH, HEIGHT + (0.2 if title else 0.0))
    height = figure.get_figheight()
    top = 0.46 if title else 0.26
    axes = figure.add_axes((0.56 / WIDTH, 0.66 / height, (WIDTH - 0.72) / WIDTH, 1 - (0.66 + top) / height))
    low, high = _window(drawn)
    last = max((len(curve.scores) for curve in drawn), default=1)
    axes.set_xlim(0.7, max(last, 2) + 0.3)
    axes.set_ylim(low, high)
    axes.spines[["right", "top"]].set_visible(False)
    axes.tick_params(colors=QUIET, labelsize=SMALL, length=2.5, width=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    words = "epoch" if len(drawn) == count else f"epoch; {len(drawn)} of {count} curves are drawn"
    axes.set_xlabel(words, color=QUIET, labelpad=2)
    axes.set_title(metric, loc="left", color=QUIET, size=SMALL, pad=3)
    for rung in rungs:
        axes.axvline(rung, color=RULE, lw=1.0, zorder=0)
    named = _leader(drawn, leader)
    many = len(drawn) > 25
    for curve in sorted(drawn, key=lambda curve: curve.best):
        leads = curve is named
        colour = STOPS[curve.stop or "running"]
        epochs = range(1, len(curve.scores) + 1)
        width, alpha = (2.2, 1.0) if leads else (0.8 if many else 1.1, 0.55 if many else 0.75)
        axes.plot(
            epochs, curve.scores, color=colour, lw=width, alpha=alpha, zorder=4 if leads else 2, solid_joinstyle="round"
        )
        mark = {"pruned": "x", "diverged": "v", "failed": "s"}.get(curve.stop or "")
        if mark:
            end = max(i for i, score in enumerate(curve.scores) if math.isfinite(score))
            place = min(max(curve.scores[end], low), high)
            axes.plot([end + 1], [place], mark, color=colour, ms=3.6, mew=1.1, alpha=0.9, zorder=3, clip_on=False)
    if named is not None:
        epoch = max(
            range(len(named.scores)), key=lambda i: (named.scores[i] if math.isfinite(named.scores[i]) else -1, -i)
        )
        axes.plot([epoch + 1], [named.best], "o", ms=4.5, color=STOPS[named.stop or "running"], zorder=5, mew=0)
        right = (epoch + 1) > 0.55 * last
        axes.annotate(
            f"{shown(named.label, 28)}  {named.best:.4f}",
            (epoch + 1, named.best),
            xytext=(2 if right else -2, 5),
            textcoords="offset points",
            ha="right" if right else "left",
            va="bottom",
            color=INK,
            size=SMALL,
            weight="bold",
            zorder=6,
            annotation_clip=False,
        )
    _legend(figure, drawn, bool(rungs), height)
    if title:
        figure.text(0.02, 1 - 0.05 / height, shown(title, 62), va="top", ha="left", color=INK, weight="bold")
    return figure


def _legend(figure: "Figure", drawn: Sequence[Curve], rungs: bool, height: float) -> None:
    from matplotlib.lines import Line2D

    marks = {"pruned": "x", "diverged": "v", "failed": "s"}
    there = {curve.stop or "running" for curve in drawn}
    stops = [stop for stop in STOPS if stop in there]
    lines = [Line2D([], [], color=STOPS[stop], lw=1.6, marker=marks.get(stop, ""), ms=4) for stop in stops]
    if rungs:
        lines.append(Line2D([], [], color=RULE, lw=0, marker="|", ms=9, mew=1.2))
        stops.append("rung")
    if not lines:
        return
    legend = figure.legend(
        lines,
        stops,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.02 / height),
        ncols=len(lines),
        frameon=False,
        fontsize=SMALL,
        handlelength=1.6,
        handletextpad=0.5,
        columnspacing=1.2,
        borderpad=0,
    )
    for text in legend.get_texts():
        text.set_color(QUIET)


def _leader(drawn: Sequence[Curve], label: str | None) -> Curve | None:
    named = [curve for curve in drawn if curve.label == label] if label is not None else []
    ended = [curve for curve in drawn if curve.stop in ("finished", "stalled")]
    return max(named or ended or list(drawn), key=lambda curve: curve.best, default=None)


def _choice(there: Sequence[Curve]) -> list[Curve]:
    """All of them, or the best half of what can be drawn and an even choice of the others."""
    if len(there) <= DRAWN:
        return list(there)
    ranked = sorted(there, key=lambda curve: -curve.best)
    best, others = ranked[: DRAWN // 2], ranked[DRAWN // 2 :]
    step = len(others) / (DRAWN - len(best))
    return best + [others[int(i * step)] for i in range(DRAWN - len(best))]


def _window(drawn: Sequence[Curve]) -> tuple[float, float]:
    """From about where the better half of the curves has come after its first epochs up to the highest score."""
    finite = [score for curve in drawn for score in curve.scores[1:] or curve.scores if math.isfinite(score)]
    if not finite:
        return 0.0, 1.0
    top = max(max(curve.best for curve in drawn), max(finite))
    low = sorted(finite)[len(finite) // 5]
    span = max(top - low, 0.01)
    return low - 0.25 * span, top + 0.16 * span

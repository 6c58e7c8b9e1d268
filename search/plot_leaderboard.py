"""What a leaderboard said, against what validation and test had said of the same model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.canvas import ACCENT, INK, QUIET, RULE, SMALL, drawing, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.8, 3.2  # inches

Point = tuple[int, float, float | None, float]
"""Number of the submission, its validation score, its test score, the leaderboard's."""


def leaderboard(told: Sequence[Point]) -> "Figure":
    """A dot for each submission, joined to a ring at its test score; on the dashed line the two agree."""
    with drawing():
        figure = new_figure(WIDTH, HEIGHT)
        axes = figure.add_axes((0.56 / WIDTH, 0.46 / HEIGHT, (WIDTH - 0.72) / WIDTH, (HEIGHT - 0.6) / HEIGHT))
        across = [score for _, validation, test, _ in told for score in (validation, test) if score is not None]
        said = [score for *_, score in told]
        alike = min(said) <= max(across) + 0.5 and max(said) >= min(across) - 0.5  # else percent against shares
        axes.set_xlim(*_window([*across, *said] if alike else across))
        axes.set_ylim(*_window([*across, *said] if alike else said))
        axes.spines[["right", "top"]].set_visible(False)
        axes.tick_params(colors=QUIET, labelsize=SMALL, length=2.5, width=0.6)
        axes.set_xlabel("validation (dot), test (ring)", color=QUIET, labelpad=2)
        axes.set_ylabel("leaderboard", color=QUIET, labelpad=2)
        if alike:
            axes.axline((0, 0), slope=1, color=QUIET, lw=0.8, ls=(0, (2, 3)), zorder=0)
        for number, validation, test, score in told:
            if test is not None:
                axes.plot([validation, test], [score, score], color=RULE, lw=1.0, zorder=1)
                axes.plot([test], [score], "o", ms=6, mfc="none", mec=ACCENT, mew=1.0)
            axes.plot([validation], [score], "o", ms=7, color=ACCENT, mew=0)
            axes.annotate(
                str(number), (validation, score), (0, 6), textcoords="offset points", ha="center", color=INK, size=SMALL
            )
        return figure


def _window(scores: Sequence[float]) -> tuple[float, float]:
    room = max(0.12 * (max(scores) - min(scores)), 0.01)
    return min(scores) - room, max(scores) + room

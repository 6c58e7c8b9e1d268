"""Which class was taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search import canvas
from search.canvas import ACCENT, INK, QUIET, RULE, SMALL, drawing, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 4.8  # inches
COUNTED = 14  # classes up to which the counts are written
NAMED = 40  # classes up to which each is named
VECTOR = 40  # classes up to which a cell is a shape; beyond it the cells are a picture


def confusion(matrix: Sequence[Sequence[float]], classes: Sequence[str], title: str = "") -> "Figure":
    """`matrix[truth][answer]` counts; the shade is the share of the row, so that rare classes are seen as well."""
    with drawing():
        return _draw(matrix, classes, title)


def _draw(matrix: Sequence[Sequence[float]], classes: Sequence[str], title: str) -> "Figure":
    import numpy as np
    from matplotlib.colors import to_rgb

    counts = np.asarray(matrix, dtype=float).reshape(len(classes), len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    count = len(classes)
    step = max(1, -(-count // NAMED))
    size = SMALL if count <= COUNTED else max(4.0, SMALL * COUNTED / min(count, NAMED) ** 1.0 * 1.6)
    size = min(size, SMALL)
    names = [shown(name, 20) for name in classes]
    longest = max((canvas.inches(name, size) for name in names), default=0.2)
    top, left = 0.30 if title else 0.08, longest + 0.36
    side = WIDTH - left - 0.08
    steep = longest > side / max(min(count, NAMED), 1)
    below = (longest if steep else 0.14) + 0.30
    height = side + below + top
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes((left / WIDTH, below / height, side / WIDTH, side / height))
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    for spine in axes.spines.values():
        spine.set_color(RULE)
    if count <= VECTOR:
        from matplotlib.patches import Rectangle

        for truth, answer in zip(*np.nonzero(shares > 0), strict=True):
            share = float(shares[truth, answer])
            corner = (float(answer) - 0.5, float(truth) - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=ACCENT, alpha=round(0.08 + 0.92 * share, 3), lw=0))
    else:
        picture = np.empty((count, count, 4))
        picture[..., :3], picture[..., 3] = to_rgb(ACCENT), np.where(shares > 0, 0.08 + 0.92 * shares, 0)
        axes.imshow(picture, interpolation="nearest", aspect="auto")
    if count <= COUNTED:
        for truth in range(count):
            for answer in range(count):
                if counts[truth, answer]:
                    colour = "white" if shares[truth, answer] > 0.45 else INK
                    weight = "bold" if truth == answer else "normal"
                    words = f"{counts[truth, answer]:.0f}"
                    fits = min(SMALL, 72 * side / count / max(len(words), 3) * 1.4)
                    axes.text(answer, truth, words, ha="center", va="center", color=colour, size=fits, weight=weight)
    places = list(range(0, count, step))
    axes.set_xticks(places, [names[place] for place in places], rotation=90 if steep else 0)
    axes.set_yticks(places, [names[place] for place in places])
    axes.tick_params(colors=QUIET, labelsize=size, length=0, pad=3)
    figure.text(
        left / WIDTH + side / WIDTH / 2, 0.02 / height, "answer", color=QUIET, ha="center", va="bottom", size=SMALL
    )
    figure.text(
        0.02 / WIDTH, (below + side / 2) / height, "truth", color=QUIET, ha="left", va="center", size=SMALL, rotation=90
    )
    if title:
        figure.text(0.02, 1 - 0.05 / height, shown(title, 62), va="top", ha="left", color=INK, weight="bold")
    return figure

"""Pictures of the replays: what each rule saves against what it loses, and what the curves look like."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.curves.evaluate import Table, Task, evaluate
from benchmarks.curves.recipes import CONSTANT, EPOCHS
from benchmarks.curves.rules import DEFAULTS, GRIDS, Setting, shipped

COLOURS = {
    "ours": "#0b6e4f",
    "median": "#d1495b",
    "percentile": "#edae49",
    "ASHA": "#3366aa",
    "Hyperband": "#8e6c8a",
    "Patient(median)": "#7a7a7a",
    "keep top": "#00a6a6",
}
GREY, INK = "#c9cdd2", "#22262b"
POOL = 48


def draw(table: Table, folder: Path, draws: int) -> None:
    """Write `stopping.png` and `curves.png` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "text.color": INK}
    _rules(table, folder / "stopping.png", draws)
    _curves(table, folder / "curves.png")


def _rules(table: Table, file: Path, draws: int) -> None:
    figure, axes = plt.subplots(1, len(table.sets), figsize=(4.2 * len(table.sets), 4.4), sharey=True)
    for axis, name in zip(axes, table.sets, strict=True):
        for rule, grid in GRIDS.items():
            for setting in grid:
                _point(axis, table, name, setting, max(5, draws // 5), {"s": 14, "alpha": 0.35, "linewidths": 0})
            default = shipped() if rule == "ours" else next(each for each in DEFAULTS if each.name == rule)
            style = {"s": 90, "edgecolors": "white", "linewidths": 1.2, "zorder": 3, "label": rule}
            _point(axis, table, name, default, draws, style)
        axis.axhline(0.3, color=GREY, linewidth=1, linestyle="--", zorder=0)
        axis.set(title=name, xlabel="times fewer epochs")
        axis.set_yscale("symlog", linthresh=0.3)
        axis.set_yticks([0, 0.1, 0.2, 0.3, 1, 3, 10], ["0", "0.1", "0.2", "0.3", "1", "3", "10"])
        axis.set_ylim(bottom=-0.02)
    axes[0].set_ylabel("points of score lost by the choice (mean)")
    handles, labels = axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False)
    figure.suptitle(
        f"Pools of {POOL} recipes, 4 workers. Large: defaults, small: other settings. Better is down and to the right."
    )
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _point(axis: Axes, table: Table, name: str, setting: Setting, draws: int, style: dict[str, object]) -> None:
    found = evaluate(table, Task(name, POOL, 4), setting, draws)
    axis.scatter([found.saved], [found.regret], color=COLOURS[setting.name], **style)  # pyright: ignore[reportArgumentType]


def _curves(table: Table, file: Path) -> None:
    figure, axes = plt.subplots(2, len(table.sets), figsize=(4.2 * len(table.sets), 6), sharex=True, sharey="col")
    epochs = range(1, EPOCHS + 1)
    for column, name in enumerate(table.sets):
        best = max(table.recipes, key=lambda recipe: table.truth(name, recipe, 0))
        for row, (kind, words) in enumerate((("ema", "averaged weights"), ("raw", "plain weights"))):
            axis = axes[row][column]
            for recipe in table.recipes:
                curve = table.curve(name, recipe, 0, kind)
                if curve is not None:
                    axis.plot(epochs[: len(curve.scores)], curve.scores, color=GREY, linewidth=0.7)
            curve = table.curve(name, best, 0, kind)
            if curve is not None:
                axis.plot(epochs, curve.scores, color=COLOURS["ours"], linewidth=2, label="the best in the end")
            axis.axvspan(CONSTANT + 0.5, EPOCHS + 0.5, color="#f1f3f5", zorder=0)
            axis.set_title(f"{name}, {words}")
    axes[0][0].legend(frameon=False, loc="lower right")
    for axis in axes[1]:
        axis.set(xlabel="epoch (shaded: the decay)", xticks=range(2, EPOCHS + 1, 2))
    for row in axes:
        row[0].set_ylabel("macro-F1, validation")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)

"""Schedules on the table: a fixed late decay, a cosine, a decay begun at a stall; what they cost and score."""

import statistics
from collections.abc import Sequence

from benchmarks.curves.evaluate import REPLICATES, Table
from benchmarks.curves.recipes import CONSTANT, DECAY, EPOCHS, STALLS
from benchmarks.report import table as markdown

BEST = 16  # recipes of a set, by the mean of their whole schedule
HEAD = ("schedule", "set", "epochs saved", "all: points", "s.e.", f"best {BEST}: points", "s.e.", "noise, points")


def schedules(table: Table) -> str:
    """Differences of the last score to that of the fixed late decay, paired by recipe and replicate; diverged runs of
    either are left out."""
    rows = []
    for kind in ("cosine", *STALLS, "stall, no decay", "raw"):
        for name in table.sets:
            pairs = _pairs(table, name, kind)
            best = _best(table, name)
            chosen = [gain for recipe, gain, _ in pairs if recipe in best]
            saved = EPOCHS * len(pairs) / sum(epochs for _, _, epochs in pairs)
            every = [gain for _, gain, _ in pairs]
            noise = f"{100 * table.noise(name):.2f}"
            rows.append([WORDS.get(kind, kind), name, f"{saved:.2f}x", *_mean(every), *_mean(chosen), noise])
    return markdown(HEAD, rows)


WORDS = {
    "cosine": "cosine over all epochs (every fourth recipe)",
    "ema-2": "decay at a stall, patience 2",
    "ema-3": "decay at a stall, patience 3",
    "ema-5": "decay at a stall, patience 5",
    "raw-3": "decay at a stall of plain scores, patience 3",
    "stall, no decay": "ended at a stall without decay, patience 3",
    "raw": "fixed late decay, scored by plain weights",
}


def _pairs(table: Table, name: str, kind: str) -> list[tuple[int, float, int]]:
    """(recipe, last score less that of the fixed schedule, epochs)."""
    found = []
    for recipe in table.recipes:
        for replicate in REPLICATES:
            whole = table.curve(name, recipe, replicate, "ema")
            if whole is None or whole.scores[-1] != whole.scores[-1]:
                continue
            if kind in ("cosine", "raw"):
                other = table.curve(name, recipe, replicate, kind)
                if other is None or other.scores[-1] != other.scores[-1]:
                    continue
                found.append((recipe, other.scores[-1] - whole.scores[-1], EPOCHS))
                continue
            stalled = table.curve(name, recipe, replicate, "ema-3" if kind == "stall, no decay" else kind)
            if stalled is None:
                found.append((recipe, 0.0, EPOCHS))
            elif kind == "stall, no decay":
                last = whole.scores[stalled.constant_epochs - 1]
                found.append((recipe, last - whole.scores[-1], stalled.constant_epochs))
            else:
                gain = stalled.scores[-1] - whole.scores[-1]
                found.append((recipe, gain, stalled.constant_epochs + DECAY))
    assert all(epochs <= CONSTANT + DECAY for _, _, epochs in found)
    return found


def _best(table: Table, name: str) -> frozenset[int]:
    def mean(recipe: int) -> float:
        return statistics.fmean(table.truth(name, recipe, replicate) for replicate in REPLICATES)

    return frozenset(sorted(table.recipes, key=mean, reverse=True)[:BEST])


def _mean(gains: Sequence[float]) -> tuple[str, str]:
    if len(gains) < 2:
        return "-", "-"
    error = statistics.stdev(gains) / len(gains) ** 0.5
    return f"{100 * statistics.fmean(gains):+.2f}", f"{100 * error:.2f}"

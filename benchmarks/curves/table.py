"""The table as a file: one line per curve, scores in ten-thousandths."""

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.curves.recipes import CONSTANT, WARMUP
from search import verdict

FILE = Path(__file__).with_name("curves.csv")
VALIDATION_IMAGES = {"digits": 300, "long tail": 408, "alphabets": 272}
HEAD = ("set", "recipe", "replicate", "kind", "constant_epochs", "scores")


@dataclass(frozen=True)
class Curve:
    """`kind`: `ema` or `raw`, all epochs of a run with its fixed late decay, scored by averaged or plain weights;
    `cosine`, the same recipe under a cosine; `pilot`, the baseline under other seeds (ema); `ema-3`, `raw-3`, ...: what
    a decay begun at the stall of that score after so many epochs of patience gives, after `constant_epochs`.
    """

    set: str
    recipe: int
    replicate: int
    kind: str
    constant_epochs: int
    scores: tuple[float, ...]

    @property
    def key(self) -> tuple[str, int, int, str]:
        return self.set, self.recipe, self.replicate, self.kind

    def line(self) -> tuple[str, ...]:
        scores = " ".join("nan" if math.isnan(score) else str(round(score * 10_000)) for score in self.scores)
        return self.set, str(self.recipe), str(self.replicate), self.kind, str(self.constant_epochs), scores


def read(file: Path = FILE) -> tuple[Curve, ...]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return tuple(
        Curve(row[0], int(row[1]), int(row[2]), row[3], int(row[4]), tuple(_score(word) for word in row[5].split()))
        for row in rows
    )


def write(curves: Iterable[Curve], file: Path = FILE) -> None:
    """In an order that does not depend on who trained what first."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows(curve.line() for curve in sorted(curves, key=lambda curve: curve.key))


def _score(word: str) -> float:
    return math.nan if word == "nan" else int(word) / 10_000


def delta_of(name: str, curves: Iterable[Curve]) -> float:
    """The pilot's delta of a set, as a study measures it."""
    constant = [c.scores[WARMUP:CONSTANT] for c in curves if c.set == name and c.kind == "pilot"]
    return verdict.sized(verdict.oscillation(constant), images=VALIDATION_IMAGES[name], ceiling=verdict.DELTA_CEILING)


def noise_of(name: str, curves: Iterable[Curve]) -> float:
    """The pilot's spread of final scores over seeds."""
    finals = [c.scores[-1] for c in curves if c.set == name and c.kind == "pilot"]
    return verdict.sized(verdict.spread(finals), images=VALIDATION_IMAGES[name], ceiling=verdict.NOISE_CEILING)

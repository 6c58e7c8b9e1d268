"""The statistics of a study: numbers in, decisions out; no database, no recipes."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

DELTA_CEILING = 0.02
NOISE_CEILING = 0.05


def oscillation(curves: Sequence[Sequence[float]]) -> float:
    """How far a converged score moves from one epoch to the next.

    Over the second half of every curve (three epochs at least): the standard deviation of successive differences about
    their curve's mean difference, so that a curve still rising is not taken for one that shakes, divided by sqrt 2,
    which leaves the share of one epoch.
    """
    squares, freedom = 0.0, 0
    for curve in curves:
        tail = curve[-max(3, math.ceil(len(curve) / 2)) :]
        steps = [after - before for before, after in pairwise(tail) if math.isfinite(after - before)]
        if len(steps) > 1:
            squares += (len(steps) - 1) * statistics.variance(steps)
            freedom += len(steps) - 1
    return math.sqrt(squares / freedom / 2) if freedom else 0.0


def spread(scores: Sequence[float]) -> float:
    """The seed-to-seed standard deviation of a score (n - 1 in the denominator), 0 for fewer than two scores."""
    finite = [score for score in scores if math.isfinite(score)]
    return statistics.stdev(finite) if len(finite) > 1 else 0.0


def sized(value: float, *, images: int, ceiling: float) -> float:
    """`value` clipped to between one validation image's worth of score and `ceiling`, to 2 significant digits."""
    return float(f"{min(max(value, 1 / max(images, 1)), ceiling):.2g}")


@dataclass(frozen=True)
class Contender:
    """A finalist: the replicate -> score of its runs that ended well, and why it was dropped, if it was."""

    label: str
    is_incumbent: bool
    scores: Mapping[int, float]
    dropped: str | None = None

    def mean(self, replicates: Sequence[int]) -> float:
        return statistics.fmean(self.scores[number] for number in replicates)


@dataclass(frozen=True)
class Choice:
    """What a stage carries on. `gain` is the winner's mean paired difference to the incumbent, in score units."""

    outcome: str
    label: str
    mean: float
    gain: float
    replicates: tuple[int, ...]


def choose(contenders: Sequence[Contender], replicates: Sequence[int], min_gain: float = 0.0) -> Choice | None:
    """The working choice: the highest mean over the common replicates, the incumbent winning an exact draw and against
    whoever leads it by less than `min_gain`.

    *tie* means the incumbent is carried, *leaning* that a challenger is; a claim (*better*) is not made from three
    replicates. None when no contender or no replicate is left.
    """
    active = [c for c in contenders if c.dropped is None and all(number in c.scores for number in replicates)]
    if not active or not replicates:
        return None
    winner = max(active, key=lambda c: (c.mean(replicates), c.is_incumbent))
    incumbent = next((c for c in active if c.is_incumbent), None)
    if incumbent and winner.mean(replicates) - incumbent.mean(replicates) < min_gain:
        winner = incumbent
    gain = winner.mean(replicates) - incumbent.mean(replicates) if incumbent else math.nan
    outcome = "tie" if winner.is_incumbent else "leaning"
    return Choice(outcome, winner.label, winner.mean(replicates), gain, tuple(replicates))


@dataclass(frozen=True)
class PairedGain:
    """Mean paired difference with a 95 % interval (ordinary paired t; Student 1908)."""

    mean: float
    low: float
    high: float
    pairs: int


def paired_gain(ours: Sequence[float], theirs: Sequence[float]) -> PairedGain:
    """The gain of `ours` over `theirs`, replicate by replicate. Needs at least two pairs."""
    if len(ours) != len(theirs) or len(ours) < 2:
        raise ValueError(
            f"a paired gain needs two equally long series of at least 2, got {len(ours)} and {len(theirs)}"
        )
    from scipy.special import stdtrit  # a quarter of a second that a worker spends only if it comes to the answer

    gains = [a - b for a, b in zip(ours, theirs, strict=True)]
    mean = statistics.fmean(gains)
    half = float(stdtrit(len(gains) - 1, 0.975)) * statistics.stdev(gains) / math.sqrt(len(gains))
    return PairedGain(mean, mean - half, mean + half, len(gains))

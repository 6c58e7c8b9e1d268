"""When a stage may claim that a value is better: a sequential test on common replicates. Numbers in, decisions out.

The rule and the simulation behind its constants: docs/verdicts.md, `python -m benchmarks.verdicts`.
"""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

FIRST_LOOK = 3  # replicates before anything is claimed or dropped
LEVEL, LEVEL_ALONE = 0.03, 0.027  # one-sided, at the last look: shared by the challengers, or for a single one
QUOTED = 0.99  # quantile of the interval quoted as 95 %, which covers that much after the best was picked


Outcome = Literal["claimed", "dropped", "exhausted", "open"]


@dataclass(frozen=True)
class Noise:
    """What replicates have told of the noise of one run: sum of squares and degrees of freedom, over several stages."""

    squares: float = 0.0
    freedom: int = 0

    def deviation(self, floor: float) -> float:
        """Standard deviation of one run once what its replicate shares is taken out; `floor` at least, or infinite."""
        return max(floor, math.sqrt(self.squares / self.freedom)) if self.freedom else math.inf


NOTHING = Noise()


@dataclass(frozen=True)
class Look:
    """How one challenger stands against the incumbent after `replicates` common ones."""

    label: str
    replicates: int
    gain: float  # mean paired difference
    low: float
    high: float  # of the interval quoted as 95 %
    p: float  # one-sided
    level: float  # at or below which p is a claim


@dataclass(frozen=True)
class Standing:
    """`claimed`: the test has ended with a claim; `dropped`: it has ended without; `open`: a replicate more is wanted.

    `best` is the look at the challenger that is claimed, or else at the one that stood highest when the test ended.
    """

    outcome: Outcome
    best: Look | None
    active: tuple[str, ...]  # incumbent first; whom a further replicate would train
    seen: int  # replicates that counted
    noise: Noise  # carried on to later stages
    looks: tuple[Look, ...]
    lost: tuple[str, ...] = ()  # who diverged or failed before the test was over


def stand(
    scores: Mapping[str, Mapping[int, float]],
    incumbent: str,
    replicates: Sequence[int],
    *,
    lost: Mapping[str, Collection[int]] = MappingProxyType({}),
    carried: Noise = NOTHING,
    floor: float = 0.0,
    most: int = 8,
) -> Standing:
    """The sequential test of a stage on the scores of its finalists: contender -> replicate -> score.

    `replicates` in the order in which they count; the test ends before the first that an active contender lacks. One
    that is `lost` on a replicate (diverged, failed) takes no part from there on; without the incumbent it is over.
    Noise is pooled from two-way residuals (contender and replicate taken out), sums `carried` from earlier stages
    included, and taken for `floor` at least: one validation image's worth of score. At every look from the third
    replicate on a challenger is claimed if p <= level / challengers * (replicates / most) ** 2, and dropped if its mean
    gain is 0 or less; of several that could be claimed it is the one that led at the third replicate. Without any noise
    at all nothing is claimed: such scores are not independent.
    """
    challengers = [label for label in scores if label != incumbent]
    level = LEVEL_ALONE if len(challengers) == 1 else LEVEL / max(1, len(challengers))
    active: list[str] = [incumbent, *challengers]
    seen: list[int] = []
    squares, freedom = carried.squares, carried.freedom
    looks: list[Look] = []
    gone: list[str] = []
    favourite = ""  # who led at the first look: whom a stage carries on

    def over(outcome: Outcome, best: Look | None) -> Standing:
        noise = Noise(squares, freedom)
        return Standing(outcome, best, tuple(active), len(seen), noise, tuple(looks), tuple(gone))

    for replicate in list(replicates)[:most]:
        gone += [label for label in active if replicate in lost.get(label, ())]
        active = [label for label in active if label not in gone]
        if incumbent in gone or active == [incumbent]:
            return over("dropped", None)
        if any(replicate not in scores[label] for label in active):
            break
        squares += _added(scores, active, seen, replicate)
        freedom += len(active) - 1 if seen else 0
        seen.append(replicate)
        if len(seen) < FIRST_LOOK:
            continue
        now = level * (len(seen) / most) ** 2
        latest = [_look(scores, label, incumbent, seen, Noise(squares, freedom), floor, now) for label in active[1:]]
        looks += latest
        favourite = favourite or max(latest, key=lambda look: look.gain).label
        claimed = [look for look in latest if look.p <= look.level and squares > 0]
        if claimed:
            return over("claimed", max(claimed, key=lambda look: (look.label == favourite, look.gain)))
        best = max(latest, key=lambda look: look.gain)
        active = [incumbent, *(look.label for look in latest if look.gain > 0)]
        if len(active) == 1:
            return over("dropped", best)
    last = [look for look in looks if look.replicates == len(seen)]
    best = max(last, key=lambda look: look.gain, default=None)
    return over("exhausted" if len(seen) >= most else "open", best)


def could_miss(noise: Noise, replicates: int, floor: float) -> float:
    """The gain that a test of so many replicates finds in nine of ten cases: 2 deviations at 8 (docs/verdicts.md)."""
    return 2.0 * noise.deviation(floor) * math.sqrt(8 / max(1, replicates))


def _added(
    scores: Mapping[str, Mapping[int, float]], active: Sequence[str], seen: Sequence[int], replicate: int
) -> float:
    """Squares of the newest replicate: residuals to each contender's mean so far, less their common part."""
    if not seen:
        return 0.0
    away = [scores[label][replicate] - statistics.fmean(scores[label][n] for n in seen) for label in active]
    common = statistics.fmean(away)
    return len(seen) / (len(seen) + 1) * sum((each - common) ** 2 for each in away)


def _look(
    scores: Mapping[str, Mapping[int, float]],
    label: str,
    incumbent: str,
    seen: Sequence[int],
    noise: Noise,
    floor: float,
    level: float,
) -> Look:
    from scipy.special import stdtr, stdtrit

    gain = statistics.fmean(scores[label][n] - scores[incumbent][n] for n in seen)
    error = noise.deviation(floor) * math.sqrt(2 / len(seen))
    freedom = max(1, noise.freedom)
    p = float(stdtr(freedom, -gain / error)) if error > 0 else float(gain <= 0)
    half = float(stdtrit(freedom, QUOTED)) * error
    return Look(label, len(seen), gain, gain - half, gain + half, p, level)

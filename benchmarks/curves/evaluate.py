"""What a rule costs and what it loses, over random pools, orders of arrival and numbers of workers."""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from benchmarks.curves.recipes import CONSTANT
from benchmarks.curves.replay import Path
from benchmarks.curves.rules import Setting
from benchmarks.curves.table import Curve, delta_of, noise_of

ScoredBy = Literal["ema", "raw"]
REPLICATES = (0, 1)


@dataclass(frozen=True)
class Outcome:
    """Over all draws: times fewer epochs than without pruning and early stopping, points of score lost by the choice
    (against the best of the pool, both by averaged weights and the whole schedule), and how often that is within delta.

    `elsewhere`: points by which the chosen recipe is better on the other replicate than the one that no rule would have
    chosen, which holds also where a rule changes the runs themselves (a decay on a stall).
    """

    saved: float
    regret: float
    within: float
    elsewhere: float
    elsewhere_error: float
    draws: int

    @property
    def good(self) -> bool:
        """What the rule must hold on every set."""
        return self.regret <= 0.3 and self.within >= 0.95


@dataclass(frozen=True)
class Task:
    """How the table is replayed. `stall`: the kind of decay on a stall, such as `ema-3`; None: the whole schedule."""

    set: str
    pool: int
    workers: int
    scored_by: ScoredBy = "ema"
    stall: str | None = None
    members: tuple[int, ...] | None = None  # the recipes of the pool; None: `pool` of all, drawn anew for every order


@dataclass(frozen=True)
class Table:
    curves: tuple[Curve, ...]

    @cached_property
    def _by_key(self) -> dict[tuple[str, int, int, str], Curve]:
        return {curve.key: curve for curve in self.curves}

    @cached_property
    def sets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(curve.set for curve in self.curves if curve.kind == "ema"))

    @cached_property
    def recipes(self) -> tuple[int, ...]:
        return tuple(sorted({curve.recipe for curve in self.curves if curve.kind == "ema"}))

    def curve(self, name: str, recipe: int, replicate: int, kind: str) -> Curve | None:
        return self._by_key.get((name, recipe, replicate, kind))

    def delta(self, name: str) -> float:
        return delta_of(name, self.curves)

    def noise(self, name: str) -> float:
        return noise_of(name, self.curves)

    def truth(self, name: str, recipe: int, replicate: int) -> float:
        """The best epoch of the whole schedule, 0 for a run that diverges."""
        scores = self._by_key[name, recipe, replicate, "ema"].scores
        return 0.0 if any(map(math.isnan, scores)) else max(scores)

    def path(self, task: Task, recipe: int, replicate: int) -> Path:
        whole = self._by_key[task.set, recipe, replicate, task.scored_by].scores
        stalled = self.curve(task.set, recipe, replicate, task.stall) if task.stall else None
        if stalled is None:
            return Path(_until_nan(whole), CONSTANT)
        return Path(_until_nan((*whole[: stalled.constant_epochs], *stalled.scores)), stalled.constant_epochs)


def evaluate(table: Table, task: Task, setting: Setting, draws: int) -> Outcome:
    """`draws` orders for each replicate; equal tasks meet equal orders, whatever the setting."""
    delta = table.delta(task.set)
    most, trained, regrets, elsewhere = 0, 0, [], []
    whole = Task(task.set, task.pool, task.workers)
    for replicate in REPLICATES:
        for number in range(draws):
            draw = random.Random(f"{task.set}/{task.pool}/{task.members}/{task.workers}/{replicate}/{number}")
            among = table.recipes if task.members is None else task.members
            pool = draw.sample(among, min(task.pool, len(among)))
            paths = [table.path(task, recipe, replicate) for recipe in pool]
            outcome = setting.play(paths, delta, task.workers, draw)
            most += sum(len(table.path(whole, recipe, replicate).scores) for recipe in pool)
            best = max(table.truth(task.set, recipe, replicate) for recipe in pool)
            trained += outcome.epochs
            unpruned = max(pool, key=lambda recipe: table.truth(task.set, recipe, replicate))
            elsewhere.append(
                table.truth(task.set, pool[outcome.chosen.number], 1 - replicate)
                - table.truth(task.set, unpruned, 1 - replicate)
            )
            regrets.append(best - table.truth(task.set, pool[outcome.chosen.number], replicate))
    within = statistics.fmean(regret <= delta + 1e-9 for regret in regrets)
    mean, error = statistics.fmean(elsewhere), statistics.stdev(elsewhere) / math.sqrt(len(elsewhere))
    return Outcome(most / trained, 100 * statistics.fmean(regrets), within, 100 * mean, 100 * error, len(regrets))


def choose(table: Table, settings: Sequence[Setting], sets: Sequence[str], draws: int) -> Setting:
    """The setting that saves most on `sets` among those that hold there what a rule must hold; if none does, the one
    that loses least on the worst of them.
    """

    def judged(setting: Setting) -> tuple[bool, float]:
        found = [evaluate(table, Task(name, pool, 4), setting, draws) for name in sets for pool in (24, 48)]
        if all(outcome.good for outcome in found):
            return True, statistics.harmonic_mean([outcome.saved for outcome in found])
        return False, -max(outcome.regret for outcome in found)

    return max(settings, key=judged)


def _until_nan(scores: Sequence[float]) -> tuple[float, ...]:
    """A diverged run ends with the epoch in which it diverged."""
    for number, score in enumerate(scores, start=1):
        if math.isnan(score):
            return tuple(scores[:number])
    return tuple(scores)

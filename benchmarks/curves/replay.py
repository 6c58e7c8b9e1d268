"""Workers that train the recipes of a pool, asynchronously, on paper: every epoch is read from the table."""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["waiting", "running", "complete", "pruned", "diverged"]


@dataclass(frozen=True)
class Path:
    """All that a run would report, epoch by epoch: `constant` scores before its decay, then those of the decay."""

    scores: tuple[float, ...]
    constant: int


@dataclass
class Trial:
    number: int  # in the order of arrival, from 0
    path: Path
    epochs: int = 0
    state: State = "waiting"

    @property
    def scores(self) -> tuple[float, ...]:
        return self.path.scores[: self.epochs]

    @property
    def best(self) -> float:
        """What a screen ranks by: of a trial that ended well its best epoch, of others nothing."""
        return max(self.scores) if self.state == "complete" else -math.inf

    def best_constant(self, epoch: int) -> float:
        """Best score of the constant phase up to `epoch`."""
        return max(self.path.scores[: min(epoch, self.epochs, self.path.constant)], default=math.nan)


class Rule(Protocol):
    """Whether to prune the running `trial`, which has just ended an epoch, next to all `trials` of the pool."""

    def __call__(self, trial: Trial, trials: Sequence[Trial]) -> bool: ...


@dataclass
class Replay:
    trials: list[Trial] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Trained in all."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def chosen(self) -> Trial:
        """The best of those that ended well; the first of the pool where none did."""
        return max(self.trials, key=lambda trial: (trial.best, -trial.number))


def replay(paths: Sequence[Path], rule: Rule, workers: int, draw: random.Random) -> Replay:
    """The pool in this order of arrival on `workers` workers of equal speed, whose epochs do not end together."""
    trials = [Trial(number, path) for number, path in enumerate(paths)]
    waiting = iter(trials)
    busy: list[tuple[float, int]] = []  # (when its epoch ends, which trial)

    def take(now: float) -> None:
        if (trial := next(waiting, None)) is not None:
            trial.state = "running"
            heapq.heappush(busy, (now + draw.uniform(0.9, 1.1), trial.number))

    for _ in range(workers):
        take(draw.random())
    while busy:
        now, number = heapq.heappop(busy)
        trial = trials[number]
        trial.epochs += 1
        if math.isnan(trial.scores[-1]):
            trial.state = "diverged"
        elif trial.epochs == len(trial.path.scores):
            trial.state = "complete"
        elif rule(trial, trials):
            trial.state = "pruned"
        if trial.state == "running":
            heapq.heappush(busy, (now + draw.uniform(0.9, 1.1), trial.number))
        else:
            take(now)
    return Replay(trials)


def keep_top(paths: Sequence[Path], kept: int, after: int) -> Replay:
    """All trained for `after` epochs, then the best `kept` to their end: everybody waits for everybody."""
    trials = [Trial(number, path) for number, path in enumerate(paths)]
    for trial in trials:
        trial.epochs = min(after, len(trial.path.scores))
        trial.state = "diverged" if math.isnan(trial.scores[-1]) else "pruned"
    alive = sorted((trial for trial in trials if trial.state == "pruned"), key=lambda trial: -max(trial.scores))
    for trial in alive[:kept]:
        trial.epochs = len(trial.path.scores)
        trial.state = "diverged" if math.isnan(trial.scores[-1]) else "complete"
    return Replay(trials)


def no_pruning(trial: Trial, trials: Sequence[Trial]) -> bool:
    return False

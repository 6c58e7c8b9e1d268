"""What it costs to ignore groups: the same runs, validated on new groups, and on groups that were trained on."""

import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from trainer.custom import NO_FILES, Files
from trainer.data import Dataset
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run, RunError
from trainer.sources.source import DataError


@dataclass(frozen=True)
class Pair:
    """Scores after the decay of two runs of one recipe and one replicate."""

    replicate: int
    by_group: float
    random: float

    @property
    def difference(self) -> float:
        return self.random - self.by_group


@dataclass(frozen=True)
class Flattery:
    """How much better a random split looks; one pair or more."""

    pairs: tuple[Pair, ...]

    @property
    def by_group(self) -> float:
        """Mean score of the split by group."""
        return statistics.fmean(pair.by_group for pair in self.pairs)

    @property
    def random(self) -> float:
        """Mean score of the random split."""
        return statistics.fmean(pair.random for pair in self.pairs)

    @property
    def difference(self) -> float:
        return self.random - self.by_group

    @property
    def spread(self) -> float:
        """Standard deviation of the paired differences; NaN for a single pair."""
        differences = [pair.difference for pair in self.pairs]
        return statistics.stdev(differences) if len(differences) > 1 else math.nan

    @property
    def certain(self) -> bool:
        """Whether the difference is more than twice its standard error."""
        return abs(self.difference) > 2 * self.spread / math.sqrt(len(self.pairs))

    @property
    def sentence(self) -> str:
        """What it means, in points: hundredths of the score."""
        points = f"{100 * abs(self.difference):.1f} points"
        runs = f"{len(self.pairs)} replicate{'s' if len(self.pairs) != 1 else ''}"
        if not self.certain:
            spread = "" if math.isnan(self.spread) else f", which differ by {100 * self.spread:.1f} points"
            return f"{points} apart, and no telling from {runs}{spread}: give more with --replicates"
        if self.difference < 0:
            return f"a random split scores {points} lower: groups do not help it here"
        return f"a random split flatters by {points}: the same group stands on both sides"


def flattery(
    data: Dataset, recipe: Recipe, replicates: Iterable[Replicate], device: torch.device, files: Files = NO_FILES
) -> Flattery:
    """Trains `recipe` twice for each replicate. The test part, held out by group for both, is not opened."""
    return Flattery(tuple(pairs(data, recipe, replicates, device, files)))


def pairs(
    data: Dataset, recipe: Recipe, replicates: Iterable[Replicate], device: torch.device, files: Files = NO_FILES
) -> Iterator[Pair]:
    """One pair after the other. DataError without groups; RunError when a run diverges."""
    if data.groups is None:
        raise DataError(f"{data.name} declares no groups, so that no split can ignore them: give --group")
    ungrouped = replace(data, groups=None)
    for replicate in replicates:
        by_group, random = (_score(Run(recipe, replicate, each, device, files=files)) for each in (data, ungrouped))
        yield Pair(replicate.number, by_group, random)


def _score(run: Run) -> float:
    for _ in run:
        pass
    if run.last is None:
        number, lr = run.replicate.number, run.recipe.lr
        raise RunError(f"replicate {number} diverged at lr {lr:g}: give less, such as --set lr={lr / 10:g}")
    return run.last.score

"""An honest score of something that was chosen by its score: chosen on one part of the groups, scored on the other."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.scoring import Scorer
from trainer.folds import parts_of

PARTS, TIMES = 5, 4
DRAWS = 1000

Ints = NDArray[np.int64]
Answered = NDArray
"""What a scorer wants of answers: [..., n] classes, or [..., n, classes]."""
Chosen = Callable[[Ints], Answered]
"""The answers to the images at some places."""


class Compared(NamedTuple):
    """Scores of two, and their difference with a 95 % interval: for other images, the models being what they are."""

    first: float
    second: float
    gain: float
    low: float
    high: float


def cuts(labels: Ints, groups: Ints | None, parts: int = PARTS, times: int = TIMES) -> list[list[Ints]]:
    """`times` ways to deal the images out in `parts`, by group, stratified; fewer parts where there are few groups."""
    units = len(labels) if groups is None else len(np.unique(groups))
    largest = int(np.bincount(labels).max())
    count = max(2, min(parts, units, largest))
    return [parts_of(labels, groups, count, seed) for seed in range(times)]


def cross_fitted(cuts: Sequence[Sequence[Ints]], choose: Callable[[Ints], Sequence[Chosen]]) -> list[Answered]:
    """What each of the things that `choose` makes of some images answers to all others: [cuts, n, ...] each.

    Every image is answered by what was chosen without its part.
    """
    told = [_once(parts, choose) for parts in cuts]
    return [np.stack(each) for each in zip(*told, strict=True)]


def _once(parts: Sequence[Ints], choose: Callable[[Ints], Sequence[Chosen]]) -> list[Answered]:
    order = np.argsort(np.concatenate(parts))
    pieces: list[list[Answered]] = []
    for place, part in enumerate(parts):
        others = np.sort(np.concatenate([other for number, other in enumerate(parts) if number != place]))
        pieces.append([chosen(part) for chosen in choose(others)])
    return [np.concatenate(each)[order] for each in zip(*pieces, strict=True)]


def compared(
    first: Answered, second: Answered, labels: Ints, groups: Ints | None, scorer: Scorer, draws: int | None = None
) -> Compared:
    """Both [repetitions, n, ...]; the score is the mean over repetitions. Groups of images are drawn with replacement,
    the same for both (paired bootstrap)."""

    def mean(answered: Answered, counts: Ints | None = None) -> float:
        return float(np.mean([scorer.of(each, labels, counts) for each in answered]))

    gains = [mean(second, counts) - mean(first, counts) for counts in _resampled(labels, groups, draws or DRAWS)]
    low, high = np.quantile(gains, (0.025, 0.975))
    one, other = mean(first), mean(second)
    return Compared(one, other, other - one, float(low), float(high))


def _resampled(labels: Ints, groups: Ints | None, draws: int) -> Iterator[Ints]:
    """[n]: how often each image is taken when as many groups are drawn as there are."""
    group = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count, draw = int(group.max()) + 1, np.random.default_rng(0)
    for _ in range(draws):
        yield np.bincount(draw.integers(count, size=count), minlength=count)[group]

"""When a run has stopped rising: pure functions of its scores so far, higher is better."""

from collections.abc import Sequence
from math import inf

from trainer.recipe import Plateau


def stalled(scores: Sequence[float], plateau: Plateau) -> bool:
    """Whether the last `patience` scores all failed to rise by more than `delta` over the reference before them.

    The reference moves only on a rise of more than delta, so a slow climb counts once it adds up. NaN is no progress.
    """
    reference, idle = -inf, 0
    for score in scores:
        if score > reference + plateau.delta:
            reference, idle = score, 0
        else:
            idle += 1
    return idle >= plateau.patience


def best_epoch(scores: Sequence[float]) -> int:
    """The 1-based number of the first of the highest scores, whatever delta; 0 if there is no score but NaN."""
    best, number = -inf, 0
    for position, score in enumerate(scores, start=1):
        if score > best:
            best, number = score, position
    return number

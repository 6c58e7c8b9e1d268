"""How several answers become one, and which ones to take: pure statistics on class probabilities."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vote = Literal["soft", "hard"]
Answers = NDArray[np.float64]
"""[..., n, classes]: the highest is the class that is answered."""
Weights = NDArray[np.float64]
"""[members], none below 0, together 1."""
Scored = Callable[[Answers], float]
"""Of answers [n, classes], higher is better."""

ROUNDS = 25  # of greedy selection; more change weights by less than a twentieth
STARTS = 5  # members that the selection may begin with at most
BAG = 0.5  # of the members are drawn for each bag
_TIE = 1e-6  # what the mean probability adds to the share of votes: enough to decide between equal ones only


def soft(members: Answers, weights: Weights) -> Answers:
    """The weighted mean of probabilities [members, n, classes]."""
    return np.tensordot(weights, members, axes=1)


def hard(members: Answers, weights: Weights) -> Answers:
    """The weighted share of votes for each class; of classes with equal shares the more probable one stands higher."""
    votes = np.arange(members.shape[-1]) == members.argmax(axis=-1)[..., None]
    return soft(votes.astype(np.float64), weights).round(9) + _TIE * soft(members, weights)


def combined(vote: Vote, members: Answers, weights: Weights) -> Answers:
    """By `soft` or `hard`."""
    return soft(members, weights) if vote == "soft" else hard(members, weights)


def ranking(members: Answers, score: Scored) -> list[int]:
    """The members from the best to the worst by themselves; equal ones in their order."""
    alone = [score(member) for member in members]
    return sorted(range(len(members)), key=lambda number: -alone[number])


def equally(chosen: list[int], members: int) -> Weights:
    """The same weight for every chosen one."""
    weights = np.zeros(members)
    weights[chosen] = 1 / len(chosen)
    return weights


def greedy(members: Answers, score: Scored, *, rounds: int = ROUNDS, bags: int = 0, seed: int = 0) -> Weights:
    """Selection with replacement for a soft vote (Caruana et al., 2004): whoever helps most is added, again and again.

    It begins with the best few, as many as score best together, and ends where the score was highest on its way: on
    the images it selects by it is never below its best member. With `bags` it selects from as many random halves of the
    members and the weights are averaged, which follows the luck of few images less.
    """
    if not bags:
        return _selected(members, score, list(range(len(members))), rounds)
    draw = np.random.default_rng(seed)
    size = max(1, round(BAG * len(members)))
    drawn = [sorted(draw.choice(len(members), size, replace=False).tolist()) for _ in range(bags)]
    return np.mean([_selected(members, score, bag, rounds) for bag in drawn], axis=0)


def _selected(members: Answers, score: Scored, library: list[int], rounds: int) -> Weights:
    order = [library[place] for place in ranking(members[library], score)]
    starts = [order[:count] for count in range(1, min(STARTS, len(order)) + 1)]
    scores = [score(members[start].mean(axis=0)) for start in starts]
    best = max(scores)
    start = starts[scores.index(best)]
    counts = np.bincount(start, minlength=len(members))
    kept, total = counts.copy(), members[start].sum(axis=0)
    for chosen in range(len(start) + 1, len(start) + rounds + 1):
        found = [score((total + members[number]) / chosen) for number in order]
        number = order[found.index(max(found))]
        counts[number] += 1
        total = total + members[number]
        if max(found) > best:
            best, kept = max(found), counts.copy()
    return kept / kept.sum()

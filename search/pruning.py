"""The rung rule: at a few fixed epochs a trial is compared with its company and cut only if it is clearly behind."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Rung:
    """A decision at a rung, with the evidence from which it can be derived again."""

    epoch: int
    score: float
    company: tuple[float, ...]
    cut: float
    delta: float
    eta: float
    minimum: int
    pruned: bool

    @property
    def reason(self) -> str:
        """`pruned at epoch 4: 0.812, cut 0.871, delta 0.006`"""
        return f"pruned at epoch {self.epoch}: {self.score:.3f}, cut {self.cut:.3f}, delta {self.delta:.3f}"

    def evidence(self) -> dict[str, Any]:
        return asdict(self)


def judge(epoch: int, score: float, company: Sequence[float], *, delta: float, eta: float, minimum: int) -> Rung:
    """Compare `score` (constant-phase best so far, higher is better) with the scores of the others at this rung.

    The best 1/eta of all, the judged trial included, are safe; outside, a trial is cut if it lies more than `delta`
    below the worst safe score. With fewer than `minimum` trials at the rung nobody is cut. A score that is not finite
    counts as the lowest.
    """
    others = tuple(value for value in company if math.isfinite(value))
    mine = score if math.isfinite(score) else -math.inf
    ranked = sorted((*others, mine), reverse=True)
    cut = ranked[max(1, math.ceil(len(ranked) / eta)) - 1]
    enough = len(ranked) >= minimum
    return Rung(epoch, score, others, cut, delta, eta, minimum, pruned=enough and mine < cut - delta)

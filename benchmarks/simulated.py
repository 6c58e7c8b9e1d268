"""A simulated trainer under the policy of a study: stages whose truth is known.

A run's score is the effect of its recipe, plus what its replicate shares, plus noise of one run (standard deviation 1,
called s). A stage screens `values` candidates with some settings of the nuisance each on one replicate, sends the
incumbent and the best k challengers into the finals, carries the highest mean of three replicates and goes on to eight
for a claim: with the code that is shipped.
"""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.sequential import NOTHING, Noise, Standing, stand
from search.verdict import Contender, choose

NUISANCES, SHARED = 3, 1.5  # settings per value; standard deviation of what a replicate shares, in s
CARRY, MOST = 3, 8
INCUMBENT = "0"
CARRIED_FREEDOM = 12
Draw = Callable[[random.Random], float]
Worth = Callable[[random.Random, int], list[float]]


def light(draw: random.Random) -> float:
    return draw.gauss(0, 1)


def heavy(draw: random.Random) -> float:
    """Student's t with 3 degrees of freedom, scaled to a standard deviation of 1."""
    return draw.gauss(0, 1) / math.sqrt(sum(draw.gauss(0, 1) ** 2 for _ in range(3)))


@dataclass(frozen=True)
class World:
    """How many values a stage compares, the incumbent included, how many challengers meet it, and how noise falls."""

    values: int = 8
    challengers: int = 2
    noise: Draw = light
    carried: bool = False  # degrees of freedom from an earlier stage
    settings: int = NUISANCES  # of the nuisance, for each value


@dataclass(frozen=True)
class Stage:
    standing: Standing
    effects: dict[str, float]  # of the finalists, true
    carried: str  # the working choice
    naive: float  # true effect of the highest single score of the screen
    naive_label: str
    scores: dict[str, dict[int, float]]

    @property
    def wrong(self) -> bool:
        """A claim for a value that is not better."""
        best = self.standing.best
        return self.standing.outcome == "claimed" and best is not None and self.effects[best.label] <= 0


def all_equal(draw: random.Random, values: int) -> list[float]:
    return [0.0] * values


def one_better(gain: float) -> Worth:
    """The second value is better by `gain`, the others lie anywhere from 3 s worse to equal."""
    return lambda draw, values: [0.0, gain, *(draw.uniform(-3, 0) for _ in range(values - 2))]


def spread_out(draw: random.Random, values: int) -> list[float]:
    """As candidates are that somebody thought worth trying: a standard deviation of 1 s around 1 s worse."""
    return [0.0, *(draw.gauss(-1, 1) for _ in range(values - 1))]


def run_stage(world: World, worth: Sequence[float], draw: random.Random, carried: Noise = NOTHING) -> Stage:
    """One stage under the shipped policy; the incumbent is the first of `worth`."""
    screened: list[tuple[float, int, float]] = [(world.noise(draw), 0, worth[0])]
    for value, effect in enumerate(worth[1:], start=1):
        spoiled = 0.0 if not any(worth) else 1.0  # where all is equal the nuisance is, too: the hardest case
        cells = [effect - spoiled * abs(draw.gauss(0, 1)) * (setting > 0) for setting in range(world.settings)]
        screened += [(cell + world.noise(draw), value, cell) for cell in cells]
    ranked = sorted(screened, reverse=True)
    finalists: dict[str, float] = {INCUMBENT: worth[0]}
    for _, value, cell in ranked:
        if value and str(value) not in finalists and len(finalists) <= world.challengers:
            finalists[str(value)] = cell
    scores: dict[str, dict[int, float]] = {label: {} for label in finalists}
    for replicate in range(1, MOST + 1):
        shared = SHARED * draw.gauss(0, 1)
        for label, effect in finalists.items():
            scores[label][replicate] = effect + shared + world.noise(draw)
    first = range(1, CARRY + 1)
    choice = choose([Contender(label, label == INCUMBENT, each) for label, each in scores.items()], first)
    assert choice is not None
    standing = stand(scores, INCUMBENT, range(1, MOST + 1), carried=carried, most=MOST)
    naive = ranked[0]
    return Stage(standing, finalists, choice.label, naive[2], str(naive[1]), scores)


def stages(world: World, worth: Worth, draws: int, seed: str) -> list[Stage]:
    """`draws` independent stages."""
    found = []
    for number in range(draws):
        draw = random.Random(f"{seed}/{world.values}/{world.challengers}/{world.carried}/{world.settings}/{number}")
        squares = sum(world.noise(draw) ** 2 for _ in range(CARRIED_FREEDOM)) if world.carried else 0.0
        carried = Noise(squares, CARRIED_FREEDOM) if world.carried else NOTHING
        found.append(run_stage(world, worth(draw, world.values), draw, carried))
    return found


def covered(found: Sequence[Stage]) -> float:
    """How often the interval of the stage's best look holds the true gain of that challenger."""
    hits = [
        best.low <= each.effects[best.label] - each.effects[INCUMBENT] <= best.high
        for each in found
        if (best := each.standing.best) is not None
    ]
    return statistics.fmean(hits)


def extra_runs(found: Sequence[Stage]) -> float:
    """Mean number of runs in the finals of a stage."""
    return statistics.fmean(_runs(each) for each in found)


def _runs(stage: Stage) -> int:
    """A challenger takes part until it is dropped or the test ends."""
    looks = stage.standing.looks
    last = max((look.replicates for look in looks), default=CARRY)
    ends = {
        label: max((look.replicates for look in looks if look.label == label), default=CARRY) for label in stage.effects
    }
    return sum(max(CARRY, last if label == INCUMBENT else end) for label, end in ends.items())

"""`python -m benchmarks.verdicts`: the statistics of a verdict on simulated trainers, with the code that is shipped.

A run's score is the effect of its recipe, plus what its replicate shares, plus noise of one run (standard deviation 1,
called s in the tables). A stage screens `values` candidates with three settings of the nuisance each on one replicate,
sends the incumbent and the best k challengers into the finals, carries the highest mean of three replicates and goes on
to eight for a claim: the policy of a study. `--draws 12000` takes some minutes.
"""

import argparse
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.report import table
from search.sequential import NOTHING, Noise, Standing, stand
from search.verdict import Contender, choose, paired_gain

NUISANCES, SHARED = 3, 1.5  # settings per value; standard deviation of what a replicate shares, in s
CARRY, MOST, CONFIRM = 3, 8, 8
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


def false_claims(draws: int) -> str:
    """All values equal: how often a stage claims one."""
    rows = []
    for name, noise in (("light", light), ("heavy", heavy)):
        for values in (4, 8, 12):
            for challengers in (1, 2, 3):
                cells = []
                for carried in (False, True):
                    world = World(values, challengers, noise, carried)
                    found = stages(world, all_equal, draws, f"equal {name}")
                    cells += [_share(statistics.fmean(each.wrong or _claims(each) for each in found))]
                    cells += [_share(covered(found))]
                naive = statistics.fmean(each.naive_label != INCUMBENT for each in found)
                rows.append([name, str(values), str(challengers), *cells, f"{extra_runs(found):.1f}", _share(naive)])
    head = ("tails", "values", "k", "false claims", "covered", "with carried df", "covered", "runs", "naive: false")
    return table(head, rows)


def power(draws: int) -> str:
    """One value is better by 1, 1.5 or 2 s: how often it is claimed."""
    rows = []
    for name, noise in (("light", light), ("heavy", heavy)):
        for carried in (False, True):
            for settings in (1, NUISANCES):
                cells, covers = [], []
                for gain in (1.0, 1.5, 2.0):
                    world = World(8, 2, noise, carried, settings)
                    found = stages(world, one_better(gain), draws, f"better {gain} {name}")
                    cells.append(_share(statistics.fmean(_claims(each, "1") for each in found)))
                    covers.append(covered(found))
                rows.append([name, "12" if carried else "none", str(settings), *cells, _share(min(covers))])
    return table(("tails", "carried df", "settings a value", "1 s", "1.5 s", "2 s", "covered, least"), rows)


def headlines(draws: int) -> str:
    """Final recipe against baseline on eight fresh replicates, paired t."""
    rows = []
    for name, noise in (("light", light), ("heavy", heavy)):
        for gain in (0.0, 1.0):
            draw = random.Random(f"headline {name} {gain}")
            found = [
                paired_gain([gain + noise(draw) for _ in range(CONFIRM)], [noise(draw) for _ in range(CONFIRM)])
                for _ in range(draws)
            ]
            claims = statistics.fmean(each.low > 0 for each in found)
            covers = statistics.fmean(each.low <= gain <= each.high for each in found)
            rows.append([name, f"{gain:g} s", _share(claims), _share(covers)])
    return table(("tails", "true gain", "claimed", "covered"), rows)


POLICIES = ("naive", "strict", "carry by mean", "carry by mean, fall back after confirm")


def chains(draws: int) -> str:
    """Learning rate (12 values), loss (5), augmentation (6) one after the other: what is lost to the best there was."""
    regrets: dict[str, list[float]] = {policy: [] for policy in POLICIES}
    wrong = dict.fromkeys(POLICIES, 0)
    for number in range(draws):
        draw = random.Random(f"chain {number}")
        sums, best, noise = dict.fromkeys(POLICIES[:3], 0.0), 0.0, NOTHING
        claimed = False
        for values in (12, 5, 6):
            worth = spread_out(draw, values)
            told = run_stage(World(values), worth, draw, noise)
            noise, best = told.standing.noise, best + max(worth)
            claims = told.standing.outcome == "claimed" and told.standing.best is not None
            claimed = claimed or told.wrong
            sums["naive"] += told.naive
            sums["strict"] += told.effects[told.standing.best.label] if claims and told.standing.best else 0.0
            sums["carry by mean"] += told.effects[told.carried]
        for policy, value in sums.items():
            regrets[policy].append(best - value)
        final = sums["carry by mean"]
        gains = paired_gain([final + light(draw) for _ in range(CONFIRM)], [light(draw) for _ in range(CONFIRM)])
        kept = final if gains.mean > 0 else 0.0
        regrets[POLICIES[3]].append(best - kept)
        wrong["strict"] += claimed
        wrong["naive"] += sums["naive"] < 0
        wrong["carry by mean"] += gains.low > 0 and final <= 0
    head = ("policy", "lost to the best, s", "s.e.", "wrong: a claim or headline that is not so")
    return table(head, [_chain_row(policy, regrets[policy], wrong[policy], draws) for policy in POLICIES])


def _chain_row(policy: str, regrets: Sequence[float], wrong: int, draws: int) -> list[str]:
    error = statistics.stdev(regrets) / math.sqrt(len(regrets))
    return [policy, f"{statistics.fmean(regrets):.2f}", f"{error:.2f}", _share(wrong / draws) if wrong else "-"]


def _claims(stage: Stage, label: str | None = None) -> bool:
    best = stage.standing.best
    return stage.standing.outcome == "claimed" and best is not None and (label is None or best.label == label)


def _share(value: float) -> str:
    return f"{value:.3f}"


PARTS = {
    "False claims": false_claims,
    "Power": power,
    "Headline": headlines,
    "Three stages, one after the other": chains,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=12_000, help="simulated stages for each row")
    parser.add_argument("--only", default="", metavar="WORDS", help="the tables whose titles hold this")
    asked = parser.parse_args()
    print(
        f"{asked.draws:,} stages a row; standard error of a share of .05: {math.sqrt(0.05 * 0.95 / asked.draws):.4f}\n"
    )
    for title, part in PARTS.items():
        if asked.only in title:
            print(f"### {title}\n\n{part(asked.draws)}\n", flush=True)


if __name__ == "__main__":
    main()

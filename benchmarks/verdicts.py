"""`python -m benchmarks.verdicts`: the statistics of a verdict on simulated trainers, with the code that is shipped.

`--draws 12000` takes some minutes; the tables of docs/verdicts.md. The simulation is `benchmarks.simulated`.
"""

import argparse
import math
import random
import statistics
from collections.abc import Sequence

from benchmarks.report import table
from benchmarks.simulated import (
    INCUMBENT,
    NUISANCES,
    Stage,
    World,
    all_equal,
    covered,
    extra_runs,
    heavy,
    light,
    one_better,
    run_stage,
    spread_out,
    stages,
)
from search.sequential import NOTHING
from search.verdict import paired_gain

CONFIRM = 8


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

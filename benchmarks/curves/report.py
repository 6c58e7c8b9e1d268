"""The tables of the replays, in Markdown."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.curves.evaluate import REPLICATES, Outcome, Table, Task, choose, evaluate
from benchmarks.curves.recipes import AUGMENTS, pools, recipes
from benchmarks.curves.rules import DEFAULTS, GRIDS, NONE, Setting, shipped
from benchmarks.report import table as markdown
from trainer.recipe import Recipe

POOLS = (24, 48)
WORKERS = (1, 4, 16)
SLOW = ("cutout", "mixup", "cutmix", "hard")  # kinds of augmentation that start slowly
Say = Callable[[str], None]


def pilots(table: Table) -> str:
    """What every set is, in its own measure."""
    rows = []
    for name in table.sets:
        best = [max(table.truth(name, recipe, replicate) for recipe in table.recipes) for replicate in REPLICATES]
        baseline = [table.truth(name, 0, replicate) for replicate in REPLICATES]
        rows.append(
            [
                name,
                f"{100 * table.delta(name):.2f}",
                f"{100 * table.noise(name):.2f}",
                f"{statistics.fmean(baseline):.4f}",
                f"{statistics.fmean(best):.4f}",
                f"{_alike(table, name):.0f} of {len(table.recipes)}",
            ]
        )
    return markdown(("set", "delta, points", "noise, points", "baseline", "best", "within delta of the best"), rows)


def rules(table: Table, draws: int, say: Say) -> str:
    """Every rule at its defaults and at the best setting found on the other sets, on every set and pool."""
    rows = []
    for name in table.sets:
        others = [other for other in table.sets if other != name]
        tuned = []
        for peer, grid in GRIDS.items():
            tuned.append((choose(table, grid, others, max(5, draws // 4)), "tuned on the other sets"))
            say(f"{name}: {peer} is tuned: {tuned[-1][0].words}")
        listed = [(NONE, ""), *((each, "default") for each in (*DEFAULTS, shipped())), *tuned]
        for setting, how in listed:
            found = [evaluate(table, Task(name, pool, 4), setting, draws) for pool in POOLS]
            rows.append([name, setting.name, f"{how}: {setting.words}" if how else "", *_cells(found)])
    return markdown(("set", "rule", "setting", *_heads(POOLS)), rows)


def workers(table: Table, draws: int) -> str:
    """The shipped rule and Optuna's at their defaults, by number of workers."""
    rows = []
    for setting in (shipped(), *DEFAULTS):
        for name in table.sets:
            found = [evaluate(table, Task(name, 48, count), setting, draws) for count in WORKERS]
            rows.append([setting.name, name, *_cells(found)])
    return markdown(("rule, pool of 48", "set", *_heads(WORKERS, "workers")), rows)


def scores(table: Table, draws: int) -> str:
    """Every rule on plain scores; the shipped one on averaged scores, and with the decay on a stall.

    A decay on a stall makes other runs of the same recipes, so that the best score of all cannot be reached by choosing
    well; what the choice is worth shows on the other replicate.
    """
    ways = (
        ("averaged", Task("", 0, 4), (NONE, shipped())),
        ("averaged, decay on the stall", Task("", 0, 4, "ema", "ema-3"), (NONE, shipped())),
        ("plain", Task("", 0, 4, "raw"), (NONE, *DEFAULTS, shipped())),
    )
    rows = []
    for words, way, settings in ways:
        for setting in settings:
            for name in table.sets:
                found = [evaluate(table, replace(way, set=name, pool=pool), setting, draws) for pool in POOLS]
                worth = [f"{each.elsewhere:+.2f} ({each.elsewhere_error:.2f})" for each in found]
                rows.append([words, setting.name, name, *_cells(found), *worth])
    heads = [f"{pool} recipes: on the other replicate (s.e.)" for pool in POOLS]
    return markdown(("score", "rule", "set", *_heads(POOLS), *heads), rows)


def factors(table: Table, draws: int) -> str:
    """The regret of the shipped rule, stage by stage, and where the best recipe starts slowly."""
    listed = recipes(Recipe())
    stages = pools(listed)
    slow = tuple(n for n, recipe in enumerate(listed) if recipe.augment.kind in SLOW)
    stages["slow starters among plain ones"] = (*stages["lr"], *slow)
    assert {augment.kind for augment in AUGMENTS} >= set(SLOW)
    rows = []
    for stage, members in stages.items():
        for name in table.sets:
            task = Task(name, len(members), 4, members=members)
            rows.append([stage, str(len(members)), name, *_cells([evaluate(table, task, shipped(), draws)])])
    return markdown(("stage", "recipes", "set", *_heads((4,), "workers")), rows)


def _cells(found: Sequence[Outcome]) -> list[str]:
    return [f"{each.saved:.2f}x, {each.regret:.2f}, {100 * each.within:.0f} %" for each in found]


def _heads(numbers: Sequence[int], what: str = "recipes") -> list[str]:
    return [f"{number} {what}: saved, regret, within delta" for number in numbers]


def _alike(table: Table, name: str) -> float:
    counts = []
    for replicate in REPLICATES:
        truths = [table.truth(name, recipe, replicate) for recipe in table.recipes]
        counts.append(sum(max(truths) - truth <= table.delta(name) for truth in truths))
    return statistics.fmean(counts)


__all__ = ["Setting", "factors", "pilots", "rules", "scores", "workers"]

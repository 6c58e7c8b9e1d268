"""A study made to fit a time: fewer replicates, candidates and epochs, least missed first (docs/verdicts.md)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from search.plan import Plan
from search.progress import clock
from spaces.domain import LogGrid
from spaces.stage import Stage
from spaces.study import StudyDefinition

USED = 0.9  # of the time: the rest is for workers that start, a database that waits, runs that take longer
FEWEST_VALUES = 5  # of a range

Cut = Callable[[StudyDefinition], StudyDefinition]


def fit(plan: Plan, hours: float) -> tuple[Plan, tuple[str, ...]]:
    """The plan of a definition that is cut until it fits, and in words what was cut; the last cut of all if none does.

    A time that is long enough changes nothing.
    """
    told, seconds = [], 3600 * hours * USED
    for words, cut in _cuts(plan.definition):
        if plan.expected_seconds <= seconds:
            break
        smaller = replace(plan, definition=cut(plan.definition))
        if smaller.expected_seconds < plan.expected_seconds:
            plan = smaller
            told.append(words)
    if not told:
        return plan, (f"that fits into {clock(3600 * hours)}",)
    fits = "" if plan.expected_seconds <= seconds else "; it will hardly be enough, and what is not begun is left out"
    return plan, (f"to fit into {clock(3600 * hours)}: {', '.join(told)}{fits}",)


def _cuts(definition: StudyDefinition) -> Iterator[tuple[str, Cut]]:
    """In order: what costs the answer least comes first."""
    before = definition.budgets
    fewest = definition.baseline.warmup_epochs + definition.baseline.decay_epochs + 2

    def budgets(**fewer: int) -> Cut:
        def cut(now: StudyDefinition) -> StudyDefinition:
            least = {name: min(value, getattr(now.budgets, name)) for name, value in fewer.items()}
            return now.model_copy(update={"budgets": now.budgets.model_copy(update=least)})

        return cut

    def stages(change: Callable[[Stage], Stage]) -> Cut:
        return lambda now: now.model_copy(update={"stages": tuple(change(stage) for stage in now.stages)})

    def epochs(share: float) -> Cut:
        whole = definition.baseline.epochs
        count = min(whole, max(fewest, math.ceil(share * whole)))
        return lambda now: now.model_copy(update={"baseline": now.baseline.model_copy(update={"epochs": count})})

    yield "no claims", budgets(claims=before.finals if definition.decide == "mean" else before.claims)
    yield "ranges in half the steps", stages(_coarser)
    yield "confirmed on 4 replicates", budgets(confirm=4)
    yield "three quarters of the epochs", epochs(0.75)
    yield "one challenger in the finals", budgets(finalists=1)
    yield "half of the epochs", epochs(0.5)
    yield "one learning rate a value", stages(_untuned)
    yield "finals on 2 replicates", budgets(finals=2, claims=2 if definition.decide == "mean" else before.claims)
    yield "a pilot of 2", budgets(pilot=2)
    yield "confirmed on 2 replicates", budgets(confirm=2)


def _coarser(stage: Stage) -> Stage:
    """Every other value of a range, its ends kept; no fewer than five."""
    if not isinstance(stage.domain, LogGrid):
        return stage
    values = stage.domain.values()
    count = max(FEWEST_VALUES, math.ceil(len(values) / 2))
    if count >= len(values):
        return stage
    step = (values[-1] / values[0]) ** (1 / (count - 1))
    domain = LogGrid(low=stage.domain.low, high=stage.domain.high, step=step)
    return stage.model_copy(update={"domain": domain})


def _untuned(stage: Stage) -> Stage:
    if stage.nuisance is None:
        return stage
    return stage.model_copy(update={"nuisance": stage.nuisance.model_copy(update={"times": (1.0,)})})

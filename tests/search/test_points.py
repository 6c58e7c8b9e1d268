"""Where the runs of a phase lie, and which are near."""

import math
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from search import phases
from search.points import Points, params_of
from spaces.domain import LogGrid, Options
from spaces.lr_aug import LR_AUG
from spaces.stage import Factor, Stage

BASELINE = phases.with_plateau(LR_AUG, 0.005)
CROSSED = Stage(
    name="lr",
    factor="lr",
    domain=LogGrid(low=1e-4, high=1e-1, step=1.5),
    crossed=Factor(factor="batch_size", domain=Options(choices=(16, 32, 64, 128))),
)
STUDY = LR_AUG.model_copy(update={"stages": (*LR_AUG.stages, CROSSED)})
SCREENS = [phases.screen(STUDY, stage, BASELINE, BASELINE.lr) for stage in STUDY.stages]


def distance(mine: dict[str, Any], theirs: dict[str, Any], space: dict[str, BaseDistribution]) -> float:
    """One pair, as a person would reckon it."""
    total = 0.0
    for name, distribution in space.items():
        if isinstance(distribution, CategoricalDistribution):
            total += mine[name] != theirs[name]
        elif isinstance(distribution, FloatDistribution) and distribution.log:
            total += abs(math.log(mine[name] / theirs[name])) / math.log(distribution.high / distribution.low)
        else:
            total += abs(mine[name] - theirs[name]) / (distribution.high - distribution.low)  # type: ignore[attr-defined]
    return total


@settings(max_examples=30, deadline=None)
@given(phase=st.sampled_from(SCREENS), seed=st.integers(0, 10**6), count=st.integers(1, 8))
def test_the_nearest_are_those_of_the_smallest_distance(phase: phases.Phase, seed: int, count: int) -> None:
    points, drawn = Points(phase), random.Random(seed)
    runs = [params_of(planned, phase) for planned in phase.runs]
    free = sorted(drawn.sample(range(len(runs)), drawn.randint(count, len(runs))))
    wanted = {name: drawn.choice(runs)[name] for name in points.distributions}
    near = points.nearest(wanted, free, count)
    assert len(set(near)) == len(near) == count
    assert set(near) <= set(free)
    reckoned = sorted(distance(runs[place], wanted, points.distributions) for place in free)
    for place, expected in zip(near, reckoned, strict=False):
        assert math.isclose(distance(runs[place], wanted, points.distributions), expected, abs_tol=1e-9)


def test_of_equally_near_runs_the_first_listed_is_taken() -> None:
    """Every other loss at the same learning rate is as far away as any."""
    phase = next(each for each in SCREENS if each.name == "2-loss")
    runs: list[dict[str, Any]] = [params_of(planned, phase) for planned in phase.runs]
    alike = [n for n, run in enumerate(runs) if run["loss"] != runs[0]["loss"] and run["lr"] == runs[0]["lr"]]
    assert len(alike) > 1
    assert Points(phase).nearest(runs[0], alike, len(alike)) == alike

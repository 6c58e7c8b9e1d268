"""When the answers of several studies are there that share their workers."""

import pytest

from search.plan import Plan
from search.plans import answered_after, useful_workers
from spaces.augment import AUGMENT
from spaces.lr_aug import LR_AUG


def test_the_plan_of_one_study_is_its_own_and_several_are_answered_sooner_together() -> None:
    one, other = Plan(LR_AUG, 0.3, 400_000, ("cpu",) * 8), Plan(AUGMENT, 0.5, 400_000, ("cpu",) * 8)
    for workers in (1, 3, 8, 40):
        assert answered_after([one], workers) == pytest.approx([one.seconds_on(workers)])
        first, second = answered_after([one, other], workers)
        assert first >= one.seconds_on(workers) - 1e-6
        work = one.total * one.seconds_per_run + other.total * other.seconds_per_run
        assert max(work / workers, other.seconds_on(workers)) - 1e-6 <= second
        in_turn = one.seconds_on(workers) + other.seconds_on(workers) + other.seconds_per_run
        assert second <= in_turn + one.seconds_per_run
    assert useful_workers([one]) == one.useful_workers
    assert useful_workers([one, other]) > max(one.useful_workers, other.useful_workers)

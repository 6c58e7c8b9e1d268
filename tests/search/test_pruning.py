import json
import math

from hypothesis import given
from hypothesis import strategies as st

from search import phases
from search.pruning import judge
from spaces.lr_aug import LR_AUG
from spaces.overrides import override

AUGMENT = LR_AUG.stages[2]
SCORE = st.floats(0, 1)
ANY = st.one_of(SCORE, st.sampled_from([math.nan, math.inf, -math.inf]))
COMPANY = st.lists(SCORE, max_size=12)
RULE = {"eta": 2.0, "minimum": 4}


def test_only_a_trial_behind_the_cut_by_more_than_delta_is_pruned() -> None:
    company = [0.90, 0.89, 0.60]
    assert judge(2, 0.87, company, delta=0.01, **RULE).pruned
    assert not judge(2, 0.885, company, delta=0.01, **RULE).pruned, "behind, but by no more than delta"
    assert not judge(2, 0.895, company, delta=0.0, **RULE).pruned, "among the best half"


def test_nobody_is_pruned_before_there_is_company() -> None:
    assert not judge(2, 0.1, [0.9, 0.9], delta=0.01, **RULE).pruned
    assert judge(2, 0.1, [0.9, 0.9, 0.9], delta=0.01, **RULE).pruned


@given(score=SCORE, size=st.integers(0, 20), delta=SCORE)
def test_identical_curves_are_never_pruned_against_each_other(score: float, size: int, delta: float) -> None:
    assert not judge(4, score, [score] * size, delta=delta, **RULE).pruned


@given(score=SCORE, company=COMPANY, small=SCORE, extra=SCORE)
def test_a_larger_delta_never_prunes_more(score: float, company: list[float], small: float, extra: float) -> None:
    if judge(4, score, company, delta=small + extra, **RULE).pruned:
        assert judge(4, score, company, delta=small, **RULE).pruned


@given(company=COMPANY, delta=SCORE)
def test_the_best_of_all_is_never_pruned(company: list[float], delta: float) -> None:
    assert not judge(4, max([*company, 0.0]), company, delta=delta, **RULE).pruned


@given(score=ANY, company=st.lists(ANY, max_size=8), delta=SCORE)
def test_no_number_crashes_the_rule(score: float, company: list[float], delta: float) -> None:
    rung = judge(2, score, company, delta=delta, **RULE)
    assert isinstance(rung.reason, str)
    assert all(math.isfinite(value) for value in rung.company)


@given(score=SCORE, company=COMPANY, delta=SCORE)
def test_a_decision_can_be_derived_again_from_its_evidence(score: float, company: list[float], delta: float) -> None:
    evidence = json.loads(json.dumps(judge(2, score, company, delta=delta, **RULE).evidence()))
    rule = {name: evidence[name] for name in ("delta", "eta", "minimum")}
    again = judge(evidence["epoch"], evidence["score"], evidence["company"], **rule)
    assert (again.pruned, again.cut) == (evidence["pruned"], evidence["cut"])


def test_a_pruned_trial_says_why_in_words() -> None:
    assert (
        judge(4, 0.812, [0.871, 0.9, 0.9], delta=0.006, **RULE).reason
        == "pruned at epoch 4: 0.812, cut 0.900, delta 0.006"
    )


@given(curves=st.lists(st.lists(SCORE, min_size=4, max_size=4), max_size=10), delta=SCORE)
def test_a_curve_that_dominates_all_others_at_every_epoch_is_never_pruned(
    curves: list[list[float]], delta: float
) -> None:
    highest = [max(scores, default=0.5) for scores in zip(*curves, strict=True)] if curves else [0.5] * 4
    for epoch in (1, 2, 3, 4):
        company = [max(curve[:epoch]) for curve in curves]
        assert not judge(epoch, max(highest[:epoch]), company, delta=delta, **RULE).pruned


def test_a_stage_names_its_first_safe_rung() -> None:
    assert AUGMENT.rungs((2, 4, 8)) == (2, 4, 8)
    late = AUGMENT.model_copy(update={"first_rung": 4})
    assert late.rungs((2, 4, 8)) == (4, 8)
    assert AUGMENT.model_copy(update={"first_rung": 5}).rungs((2, 4)) == (5,)


def test_a_screen_is_judged_at_the_rungs_of_its_stage_and_nothing_else_is_judged_at_all() -> None:
    definition = override(LR_AUG, ("stages.augment.first_rung=3",))
    incumbent = phases.with_plateau(definition, 0.01)
    rungs = [phases.screen(definition, stage, incumbent, incumbent.lr).rungs for stage in definition.stages]
    assert rungs == [definition.budgets.rungs, definition.budgets.rungs, (3, 4)]
    assert phases.pilot(definition).rungs == ()
    assert phases.confirm(definition, incumbent, incumbent).rungs == ()

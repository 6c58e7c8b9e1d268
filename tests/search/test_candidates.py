from search.candidates import screen_candidates, undeclared_differences
from search.phases import (
    CONFIRM_FIRST,
    PILOT_FIRST,
    base_replicate,
    confirm,
    finals,
    pilot,
    planned_runs,
    screen,
    with_plateau,
)
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from trainer.recipe import Focal, Recipe

BASELINE = with_plateau(LR_AUG, 0.005)
LR, LOSS, AUGMENT = LR_AUG.stages


def test_two_recipes_of_a_stage_differ_only_in_the_declared_fields() -> None:
    for stage in LR_AUG.stages:
        candidates = screen_candidates(stage, BASELINE, BASELINE.lr)
        for candidate in candidates:
            assert undeclared_differences(stage, candidate.recipe, BASELINE) == ()
    other = BASELINE.model_copy(update={"batch_size": 32})
    assert undeclared_differences(LOSS, other, BASELINE) == ("batch_size",)


def test_the_incumbent_comes_first_and_only_the_exact_recipe_is_the_incumbent() -> None:
    for stage in LR_AUG.stages:
        candidates = screen_candidates(stage, BASELINE, BASELINE.lr)
        assert candidates[0].recipe == BASELINE
        assert [c.role for c in candidates].count("incumbent") == 1


def test_every_scientific_value_meets_the_same_nuisance_grid() -> None:
    candidates = screen_candidates(LOSS, BASELINE, 0.002)
    grid = {
        label: sorted(c.recipe.lr for c in candidates if c.label == label) for label in {c.label for c in candidates}
    }
    held = grid.pop("cross_entropy")
    assert all(values == [0.0006667, 0.002, 0.006] for values in grid.values())
    assert held == [0.0006667, 0.001, 0.002, 0.006], "the incumbent is also tried exactly as it is carried"


def test_the_nuisance_band_of_a_later_stage_is_not_laid_around_the_carried_nuisance() -> None:
    carried = BASELINE.model_copy(update={"loss": Focal(gamma=2.0), "lr": 0.006})
    rates = {c.recipe.lr for c in screen_candidates(AUGMENT, carried, 0.002)}
    assert rates == {0.0006667, 0.002, 0.006}


def test_a_candidate_shows_optuna_its_factor_and_its_nuisance() -> None:
    first = screen_candidates(LOSS, BASELINE, BASELINE.lr)[0]
    assert dict(first.params) == {"loss": "cross_entropy", "lr": 0.001}
    assert dict(screen_candidates(LR, BASELINE, BASELINE.lr)[0].params) == {"lr": 0.001}


def test_a_screen_runs_every_cell_on_one_replicate_or_as_many_as_allowed() -> None:
    whole = screen(LR_AUG, LR, BASELINE, BASELINE.lr)
    assert whole.allowed == len(whole.runs) == 13
    assert {run.replicate for run in whole.runs} == {0}
    bounded = override(LR_AUG, ("stages.lr.trials=5",))
    assert screen(bounded, bounded.stages[0], BASELINE, BASELINE.lr).allowed == 5


def test_finals_run_replicate_by_replicate_so_that_the_common_ones_come_first() -> None:
    three = screen_candidates(LR, BASELINE, BASELINE.lr)[:3]
    phase = finals(LR_AUG, LR, three)
    assert [run.replicate for run in phase.runs] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert phase.name == "1-lr/finals"


def test_screen_finals_confirm_and_pilot_never_share_a_replicate() -> None:
    definition = override(LR_AUG, ("seed=7",))
    base = base_replicate(definition)
    assert base == 7000
    used = {
        "screen": {run.replicate for run in screen(definition, LR, BASELINE, 0.001).runs},
        "finals": {run.replicate for run in finals(definition, LR, screen_candidates(LR, BASELINE, 0.001)[:3]).runs},
        "confirm": {
            run.replicate for run in confirm(definition, BASELINE, BASELINE.model_copy(update={"lr": 0.1})).runs
        },
        "pilot": {run.replicate for run in pilot(definition).runs},
    }
    assert sum(len(numbers) for numbers in used.values()) == len(set().union(*used.values()))
    assert min(used["confirm"]) == base + CONFIRM_FIRST
    assert min(used["pilot"]) == base + PILOT_FIRST
    assert all(base <= number < base + 1000 for numbers in used.values() for number in numbers)


def test_the_pilot_is_the_baseline_never_stopped() -> None:
    assert {run.candidate.recipe.signature for run in pilot(LR_AUG).runs} == {LR_AUG.baseline.signature}
    assert LR_AUG.baseline.plateau is None


def test_confirm_of_an_unchanged_recipe_trains_it_once_per_replicate() -> None:
    assert len(confirm(LR_AUG, BASELINE, BASELINE).runs) == LR_AUG.budgets.confirm
    assert len(confirm(LR_AUG, BASELINE, BASELINE.model_copy(update={"lr": 0.1})).runs) == 2 * LR_AUG.budgets.confirm


def test_the_plan_counts_what_a_study_runs_at_most() -> None:
    assert planned_runs(LR_AUG) == {
        "pilot": 4,
        "1-lr": 13,
        "1-lr/finals": 9,
        "2-loss": 11,
        "2-loss/finals": 6,
        "3-augment": 14,
        "3-augment/finals": 6,
        "confirm": 16,
        "claims": 3 * 3 * (8 - 3),
    }


def test_a_band_is_cut_where_it_leaves_what_a_recipe_allows() -> None:
    rates = {c.recipe.lr for c in screen_candidates(LOSS, BASELINE.model_copy(update={"lr": 9000.0}), 9000.0)}
    assert rates == {3000.0, 9000.0}


def test_a_baseline_outside_the_grid_is_still_the_first_contender() -> None:
    bad = Recipe(lr=1e-5)
    candidates = screen_candidates(LR, bad, bad.lr)
    assert candidates[0].recipe.lr == 1e-5
    assert len(candidates) == 14

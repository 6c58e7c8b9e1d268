"""What each winner is worth in the end: put back one at a time, on the replicates of the confirmation."""

import pytest

from search import ablation
from search.candidates import Candidate
from search.study import ASKED_ABLATION, Study
from search.workplace import Workplace
from tests.search.on_paper import carry_out, scored, study_with
from tests.search.trials import WORKER


def two_gains(study: Study, candidate: Candidate, replicate: int) -> float:
    """lr 0.008 is worth 2 points, focal 1 point, and both together half a point more."""
    recipe = candidate.recipe
    better, focal = 0.007 < recipe.lr < 0.009, recipe.loss.kind == "focal"
    return scored(study, candidate, replicate) + 0.01 * focal + 0.005 * (focal and better)


def carried_out(at: Workplace) -> tuple[Study, list[str]]:
    study = study_with(at)
    carry_out(study, score_of=two_gains)
    assert study.finished
    study.ask(ASKED_ABLATION, WORKER)
    assert not study.finished
    return study, carry_out(study, score_of=two_gains)


def test_only_the_recipes_with_one_value_put_back_are_trained(at: Workplace) -> None:
    study, ran = carried_out(at)
    assert {what.rsplit(" ", 1)[0] for what in ran} == {"ablation without lr", "ablation without loss"}
    assert len(ran) == 2 * study.definition.budgets.confirm
    assert len(study.store.test_openings(study.study_id)) == 0, "nothing of it looks at the test part"
    assert study.finished


def test_each_recipe_differs_from_the_final_one_in_what_its_stage_asked_about(at: Workplace) -> None:
    study, _ = carried_out(at)
    final = study.carried(study.definition.stages[-1])
    rows = {row.label: row for row in study.store.runs(study.study_id, "ablation")}
    from trainer.recipe import read_recipe

    differs = {label: set(read_recipe(row.recipe).differences(final)) for label, row in rows.items()}
    assert differs["without lr"] == {"lr"}
    assert {path.split(".")[0] for path in differs["without loss"]} == {"loss"}
    assert differs["final"] == set()


def test_the_parts_and_the_whole_are_paired_gains_on_the_same_replicates(at: Workplace) -> None:
    study, _ = carried_out(at)
    phase = ablation.phase_of(study)
    assert phase is not None
    worth = {"final": 0.95, "baseline": 0.90, "without lr": 0.93, "without loss": 0.94}
    scores: dict[str, dict[int, float]] = {}
    for planned in phase.runs:
        of, replicate = planned.candidate, planned.replicate
        scores.setdefault(of.recipe.signature, {})[replicate] = worth[of.label] + replicate / 1000
    told = ablation.measured(study, scores)
    gains = {each.stage: each.gain for each in told.worths}
    assert gains["1-lr"].mean == pytest.approx(0.02)  # type: ignore[union-attr]
    assert gains["2-loss"].mean == pytest.approx(0.01)  # type: ignore[union-attr]
    assert told.together.mean == pytest.approx(0.05)  # type: ignore[union-attr]
    assert told.beyond.mean == pytest.approx(0.02), "five points are two more than two and one"  # type: ignore[union-attr]


def test_a_replicate_that_one_recipe_lacks_counts_for_none(at: Workplace) -> None:
    study, _ = carried_out(at)
    phase = ablation.phase_of(study)
    assert phase is not None
    scores: dict[str, dict[int, float]] = {}
    for planned in phase.runs:
        scores.setdefault(planned.candidate.recipe.signature, {})[planned.replicate] = 0.9
    last = phase.runs[-1]
    del scores[last.candidate.recipe.signature][last.replicate]
    assert last.replicate not in ablation.measured(study, scores).replicates


def test_a_study_that_kept_its_baseline_has_nothing_to_put_back(at: Workplace) -> None:
    study = study_with(at, min_gain=0.5)
    carry_out(study)
    study.ask(ASKED_ABLATION, WORKER)
    assert carry_out(study) == []
    told = study.ablation()
    assert told is not None
    assert (told.worths, told.together) == ((), None)
    assert study.finished

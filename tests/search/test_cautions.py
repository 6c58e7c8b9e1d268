"""What is said beside a winner: the edge of a range, a learning rate that moved, few groups."""

from dataclasses import replace

import pytest

from search import phases
from search.candidates import Candidate
from search.cautions import cautions
from search.phases import Phase
from search.study import Study
from search.workplace import Workplace
from spaces.lr_aug import LR_AUG


@pytest.fixture
def study(at: Workplace) -> Study:
    return replace(at.study, resolved=at.study.resolved.model_copy(update={"definition": LR_AUG}))


def screen_of(number: int) -> Phase:
    incumbent = phases.with_plateau(LR_AUG, 0.01)
    return phases.screen(LR_AUG, LR_AUG.stages[number], incumbent, incumbent.lr)


def told(study: Study, number: int, winner: Candidate) -> list[str]:
    screen = screen_of(number)
    return list(cautions(study, LR_AUG.stages[number], screen, winner, screen.runs[0].candidate))


def by_lr(lr: float) -> Candidate:
    return next(run.candidate for run in screen_of(0).runs if run.candidate.recipe.lr == lr)


def test_a_winner_on_the_edge_of_its_range_is_told_with_the_line_that_looks_beyond(study: Study) -> None:
    values = sorted(run.candidate.recipe.lr for run in screen_of(0).runs)
    (high,) = told(study, 0, by_lr(values[-1]))
    assert "is the highest value of its range" in high
    assert high.endswith(
        f"python -m search.fork lr_aug --as lr_aug_wider --set stages.lr.domain.high={4 * values[-1]:g}"
    )
    (low,) = told(study, 0, by_lr(values[0]))
    assert f"stages.lr.domain.low={values[0] / 4:g}" in low
    assert told(study, 0, by_lr(values[5])) == []


def test_a_learning_rate_that_moved_with_the_winner_is_told(study: Study) -> None:
    runs = [run.candidate for run in screen_of(1).runs]
    moved = next(c for c in runs if c.label == "focal(2)" and c.recipe.lr != LR_AUG.baseline.lr)
    (line,) = told(study, 1, moved)
    assert line.startswith(f"2-loss: focal(2) wants lr {moved.recipe.lr:g} where cross_entropy had 0.001")
    stayed = next(c for c in runs if c.label == "focal(2)" and c.recipe.lr == LR_AUG.baseline.lr)
    assert told(study, 1, stayed) == []


def test_few_groups_are_told(study: Study) -> None:
    data = study.resolved.data.model_copy(update={"groups": 5})
    few = replace(study, resolved=study.resolved.model_copy(update={"data": data}))
    assert told(few, 0, by_lr(0.001))[-1].startswith("1-lr: the data have 5 groups only")


def test_budgets_for_which_the_error_rate_was_not_simulated_are_told(study: Study) -> None:
    definition = LR_AUG.model_copy(update={"budgets": LR_AUG.budgets.model_copy(update={"claims": 5})})
    other = replace(study, resolved=study.resolved.model_copy(update={"definition": definition}))
    screen = screen_of(1)
    held = screen.runs[0].candidate
    assert "not for 3 and 5" in " ".join(cautions(other, LR_AUG.stages[1], screen, held, held))
    assert list(cautions(study, LR_AUG.stages[1], screen, held, held)) == []

import pytest

from trainer.recipe import Plateau, Recipe
from trainer.schedule import decay_reason, learning_rate, phase_of

RECIPE = Recipe(epochs=8, warmup_epochs=2, decay_epochs=3, lr=1.0, plateau=Plateau(patience=2, delta=0.01))


def rates(recipe: Recipe, constant_epochs: int, epochs: int, steps: int = 4) -> list[float]:
    return [
        learning_rate(recipe, number, constant_epochs, step, steps)
        for number in range(1, epochs + 1)
        for step in range(steps)
    ]


def test_warm_up_rises_to_lr_then_stays_then_falls_in_equal_steps() -> None:
    seen = rates(RECIPE, 5, 8)
    assert seen[:8] == pytest.approx([step / 8 for step in range(1, 9)])
    assert seen[8:20] == [1.0] * 12
    assert seen[20:] == pytest.approx([1 - step / 12 for step in range(12)])
    assert seen[-1] > 0


def test_a_decay_during_warm_up_starts_from_where_warm_up_had_come() -> None:
    assert rates(RECIPE, 1, 4)[4] == pytest.approx(0.5)
    assert max(rates(RECIPE, 1, 4)) == pytest.approx(0.5)


def test_the_constant_phase_does_not_depend_on_the_horizon() -> None:
    longer = RECIPE.model_copy(update={"epochs": 80})
    assert rates(RECIPE, 5, 5) == rates(longer, 77, 5)


def test_the_decay_begins_at_the_stall_or_when_only_it_is_left() -> None:
    assert decay_reason([0.1, 0.2, 0.3, 0.4], RECIPE) is None
    assert decay_reason([0.1, 0.2, 0.3, 0.4, 0.5], RECIPE) == "finished"
    assert decay_reason([0.1, 0.2, 0.2, 0.2], RECIPE) == "stalled"
    assert decay_reason([0.1, 0.2, 0.3, 0.3, 0.3], RECIPE) == "finished"  # nothing was cut short


def test_without_a_plateau_nothing_stalls() -> None:
    assert decay_reason([0.1] * 4, RECIPE.model_copy(update={"plateau": None})) is None


def test_phases_follow_each_other() -> None:
    assert [phase_of(number, 4, RECIPE) for number in range(1, 8)] == ["warm-up"] * 2 + ["constant"] * 2 + ["decay"] * 3

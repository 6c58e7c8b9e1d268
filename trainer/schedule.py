"""Warm-up, constant learning rate, short decay: where an epoch lies and its learning rate, by formula."""

from collections.abc import Sequence
from typing import Literal

from trainer.early_stopping import stalled
from trainer.recipe import Recipe

Phase = Literal["warm-up", "constant", "decay"]
Reason = Literal["finished", "stalled"]


def decay_reason(constant_scores: Sequence[float], recipe: Recipe) -> Reason | None:
    """Why the decay begins after these scores of warm-up and constant epochs; None while it does not.

    `finished`: only the decay is left of the budget; `stalled`: before that. Once begun the decay runs to its
    end, so the scores given here grow no more and the answer stays.
    """
    if len(constant_scores) >= recipe.epochs - recipe.decay_epochs:
        return "finished"
    if recipe.plateau and stalled(constant_scores, recipe.plateau):
        return "stalled"
    return None


def phase_of(number: int, constant_epochs: int, recipe: Recipe) -> Phase:
    """The phase of epoch `number`, from 1, when the decay follows `constant_epochs` epochs (or has not begun)."""
    if number > constant_epochs:
        return "decay"
    return "warm-up" if number <= recipe.warmup_epochs else "constant"


def learning_rate(recipe: Recipe, number: int, constant_epochs: int, step: int, steps: int) -> float:
    """Of step `step`, from 0, of the `steps` of epoch `number`: warm-up ends at lr, decay one step before 0."""
    if number <= constant_epochs:
        return recipe.lr * _warmth(recipe, number - 1 + (step + 1) / steps)
    gone = (number - 1 - constant_epochs + step / steps) / recipe.decay_epochs
    return recipe.lr * _warmth(recipe, constant_epochs) * (1 - gone)


def _warmth(recipe: Recipe, epochs: float) -> float:
    return min(1.0, epochs / recipe.warmup_epochs) if recipe.warmup_epochs else 1.0

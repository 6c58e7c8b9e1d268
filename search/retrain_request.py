"""What a retraining is asked for, from the answer of the study and the command line."""

import statistics
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from search import phases
from search.ask import check_backbone, digest_of
from search.conclusions import ended_well
from search.edge import UserError
from search.records import Retraining
from search.study import Study
from trainer.recipe import Recipe, explain, read_recipe


def wanted(
    study: Study,
    backbone: str | None,
    weights: Path | None,
    on: Literal["train", "train+val", "all"],
    folds: int,
    seeds: int,
    epochs: int | None,
) -> Retraining:
    """The recipe that was answered, as it is to be trained. Raises `UserError`, or `BackboneError`, in one line."""
    headline = study.headline(study.depth)
    if headline is None:
        raise UserError(f"{study.name} is not answered yet, so there is no recipe to train; its launch line goes on")
    recipe, own = read_recipe(headline.recipe), study.definition.baseline.backbone
    heavier = (backbone or own) != own
    if not heavier and weights is not None:
        raise UserError("--weights goes with another --backbone: the study's own starts as its recipe says")
    baseline = phases.with_plateau(study.definition, study.settled_rules().delta)
    if epochs is None and on != "train" and recipe.plateau is not None:
        epochs = _found_epochs(study, recipe)
    change: dict[str, object] = {} if epochs is None else {"epochs": epochs}
    if heavier and backbone:
        change |= {"backbone": check_backbone(backbone), "weights": _weights(study, recipe, backbone, weights)}
    try:
        final, compared = recipe.model_copy(update=change), baseline.model_copy(update=change)
    except ValidationError as error:
        raise UserError(explain(error)) from None
    return Retraining(
        recipe=final.canonical(),
        baseline=compared.canonical() if heavier and compared != final else None,
        heavier=heavier,
        on=on,
        folds=folds if on == "train" else 1,
        seeds=seeds,
    )


def _found_epochs(study: Study, recipe: Recipe) -> int:
    """Of a recipe that is stopped by its score: the median length of its confirmed runs."""
    rows = study.store.runs(study.study_id, "confirm")
    lengths = [row.epochs for row in rows if row.signature == recipe.signature and ended_well(row)]
    return round(statistics.median(lengths)) if lengths else recipe.epochs


def _weights(study: Study, recipe: Recipe, backbone: str, weights: Path | None) -> str | None:
    """Weights are of one backbone: those of the small one are no use, and silence would train from scratch instead."""
    if weights is not None:
        return f"sha256:{digest_of(weights)}"
    if recipe.weights is not None:
        raise UserError(
            f"the recipe of {study.name} starts from weights of {recipe.backbone_name}, no use to {backbone}; "
            f"give weights for {backbone} with --weights FILE"
        )
    return None

"""Which recipes a phase compares: pure functions from a definition and an incumbent to candidates."""

from dataclasses import dataclass
from typing import TypeGuard

from pydantic import ValidationError

from spaces.domain import label
from spaces.stage import Stage, held, scientific_values
from trainer.recipe import Recipe

Params = dict[str, float | int | str]


@dataclass(frozen=True)
class Candidate:
    """One recipe under comparison. `label` names its scientific value, `params` are what Optuna shows."""

    label: str
    role: str
    recipe: Recipe
    params: tuple[tuple[str, float | int | str], ...]


def screen_candidates(stage: Stage, incumbent: Recipe, anchor: float) -> tuple[Candidate, ...]:
    """The incumbent exactly as carried first, then every scientific value with every nuisance setting, each once.

    `anchor` is the nuisance value around which the band is laid (see `Nuisance`).
    """
    found: dict[str, Candidate] = {}
    as_held = held(stage, incumbent)
    for setting in scientific_values(stage, incumbent):
        for nuisance in _settings(stage, incumbent, anchor, setting == as_held):
            try:
                recipe = incumbent.model_copy(update={**setting.changes, **nuisance})
            except ValidationError:  # the band is cut where it leaves what a recipe allows
                continue
            role = "incumbent" if recipe == incumbent else "challenger"
            shown = {field: value if _is_number(value) else label(value) for field, value in setting.values}
            params = {**shown, **nuisance}
            if stage.nuisance:
                params.setdefault(stage.nuisance.field, getattr(recipe, stage.nuisance.field))
            found.setdefault(recipe.signature, Candidate(setting.label, role, recipe, tuple(params.items())))
    ordered = sorted(found.values(), key=lambda candidate: candidate.role != "incumbent")
    if ordered[0].label != as_held.label:
        raise ValueError(f"stage {stage.name}: the incumbent {as_held.label} is not among its own candidates")
    return tuple(ordered)


def _is_number(value: object) -> TypeGuard[float | int]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _settings(stage: Stage, incumbent: Recipe, anchor: float, is_held: bool) -> list[dict[str, float]]:
    """The nuisance settings to try; the incumbent's own value also as it is carried, should it lie off the band."""
    if stage.nuisance is None:
        return [{}]
    values = list(stage.nuisance.values(anchor))
    carried: float = getattr(incumbent, stage.nuisance.field)
    if is_held and carried not in values:
        values.insert(0, carried)
    return [{stage.nuisance.field: value} for value in values]


def undeclared_differences(stage: Stage, mine: Recipe, theirs: Recipe) -> tuple[str, ...]:
    """Fields in which two recipes of one stage differ although the stage does not declare them: must be empty."""
    return tuple(path for path in mine.differences(theirs) if path.split(".")[0] not in stage.declared)

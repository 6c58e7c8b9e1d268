"""What `search.compare` is given, and what two of them differ in."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from search.edge import UserError
from search.find import find_study
from search.join import shown
from search.study import Study
from spaces.overrides import differences as definition_differences
from storage.rows import RunRow
from storage.store import Store
from trainer.recipe import Recipe, read_recipe

_TRIAL = re.compile(r"(?P<study>[^/#]+)/(?P<phase>[^#]+)#(?P<number>\d+)")


@dataclass(frozen=True)
class Side:
    """One of the two. `facts` are what must be equal for scores to be compared at all, besides the declared fields."""

    name: str
    kind: Literal["study", "trial", "recipe"]
    recipe: Recipe | None = None
    study: Study | None = None
    row: RunRow | None = None
    facts: dict[str, str] = field(default_factory=dict)


def side_of(name: str, opened: Callable[[], Store]) -> Side:
    """Raises `UserError` when there is nothing of that name."""
    if name.endswith(".json"):
        file = Path(name)
        try:
            return Side(name, "recipe", read_recipe(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise UserError(f"{name} cannot be read ({error.strerror}); give a recipe.json of a run folder") from None
    if match := _TRIAL.fullmatch(name):
        study = find_study(opened(), match["study"])
        return _trial(name, study, match["phase"], int(match["number"]))
    if "#" in name or "/" in name:
        raise UserError(f"{name!r} names no trial; write STUDY/PHASE#NUMBER, such as lr_aug/1-lr#4")
    study = find_study(opened(), name)
    facts = _facts(study) | {"seed": str(study.definition.seed)}
    return Side(name, "study", study.definition.baseline, study, facts=facts)


def trial_row(study: Study, phase: str, number: int) -> RunRow:
    """Raises `UserError` naming the phases and how many trials they have."""
    rows = study.store.runs(study.study_id)
    for row in rows:
        if row.phase == phase and row.number == number:
            return row
    counts = {each: sum(row.phase == each for row in rows) for each in dict.fromkeys(row.phase for row in rows)}
    there = ", ".join(f"{each}#0 to #{count - 1}" for each, count in counts.items()) or "no trial yet"
    raise UserError(f"study {study.name} has no trial {phase}#{number}; there is {there}")


def differences(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """(field, of a, of b), for all that decides an outcome."""
    found = []
    if a.study and b.study and a.kind == b.kind == "study":
        asked = definition_differences(a.study.definition, b.study.definition)
        found += [(path, _short(mine), _short(theirs)) for path, (mine, theirs) in asked.items()]
    elif a.recipe and b.recipe:
        found += [(path, mine, theirs) for path, (mine, theirs) in a.recipe.differences(b.recipe).items()]
    found += [(key, a.facts[key], b.facts[key]) for key in a.facts if key in b.facts and a.facts[key] != b.facts[key]]
    return found


def comparable(a: Side, b: Side) -> str:
    """Whether the scores of two trials may be ranked next to each other, in a sentence; empty for recipes."""
    if not a.facts or not b.facts:
        return ""
    apart = [
        key
        for key in ("data", "recipe version", "replicate", "folds", "test part", "seed", "metric", "torch", "timm")
        if _differ(a, b, key)
    ]
    if a.recipe and b.recipe and a.recipe.precision != b.recipe.precision:
        apart.append("precision")
    what = "trials" if a.kind == "trial" else "runs"
    if apart:
        return f"their {what} are not comparable: {', '.join(apart)} differ{'s' if len(apart) == 1 else ''}"
    return f"their {what} are comparable: equal data, split, metric, precision and libraries"


def _differ(a: Side, b: Side, key: str) -> bool:
    return a.facts.get(key) != b.facts.get(key)


def _trial(name: str, study: Study, phase: str, number: int) -> Side:
    row = trial_row(study, phase, number)
    seed = {"replicate": str(row.replicate)}
    return Side(name, "trial", read_recipe(row.recipe), study, row, _facts(study) | seed)


def _facts(study: Study) -> dict[str, str]:
    versions = {
        library: ".".join(str(version).split("+")[0].split(".")[:2])
        for library, version in study.manifest.versions.items()
        if library in ("torch", "timm")
    }
    return {
        "data": study.manifest.data_digest[:12],
        "recipe version": str(study.manifest.recipe_version),
        "metric": study.definition.baseline.metric,
        "folds": str(study.definition.folds),
        "test part": f"{study.definition.test_fraction:.4g}",
        **versions,
    }


def _short(value: object) -> str:
    text = shown(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

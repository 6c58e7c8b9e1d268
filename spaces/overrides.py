"""`--set path=value` on a definition, and the way back: which `--set` lines turn one definition into another."""

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from spaces.domain import LogGrid
from spaces.study import StudyDefinition
from trainer.recipe import Recipe, allowed

Json = Any
AUTO_PATHS = {
    "baseline.image_size": "image_size",
    "baseline.stored_size": "stored_size",
    "baseline.channels": "channels",
    "baseline.precision": "precision",
    "delta": "delta",
    "noise": "noise",
}
LOCKED = {"name", "auto", "stages"}
LABELLED = {"loss", "augment", "optimizer"}


class BadOverride(Exception):
    """A `--set` that names nothing or gives an impossible value; the message says what is allowed."""


def override(definition: StudyDefinition, settings: tuple[str, ...]) -> StudyDefinition:
    """`definition` with every `path=value` applied in order. Setting a field by hand takes it out of `auto`.

    Values are JSON, or else plain text; `auto` hands the field back to be looked up; a loss, augmentation or optimizer
    may be given by its kind alone. Raises `BadOverride`.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        path = path.strip()
        if not equals or not path:
            raise BadOverride(f"--set {setting!r} is not path=value; write for example --set baseline.epochs=30")
        definition = _with(definition, path, parsed(text.strip()), f"--set {setting}")
    return definition


def also_try(definition: StudyDefinition, given: str) -> StudyDefinition:
    """`definition` with one value more, `factor=value`, in the stage that asks about that factor.

    Raises `BadOverride`.
    """
    factor, _, text = given.partition("=")
    factor, value = factor.strip(), parsed(text.strip())
    for stage in definition.stages:
        for path, asked in (("domain", stage), ("crossed.domain", stage.crossed)):
            if asked is not None and asked.factor == factor and not isinstance(asked.domain, LogGrid):
                choices = [*asked.domain.model_dump(mode="json")["choices"], value]
                return _with(definition, f"stages.{stage.name}.{path}.choices", choices, f"--try {given}")
    asked_about = [field for stage in definition.stages for field in stage.asks if field != "lr"]
    raise BadOverride(
        f"--try {given}: study {definition.name} compares no values of {factor!r}; "
        f"it does of {', '.join(asked_about) or 'nothing but lr, which has a range: set stages.lr.domain.high'}"
    )


def differences(mine: StudyDefinition, theirs: StudyDefinition) -> dict[str, tuple[Json, Json]]:
    """Dotted path -> (my value, their value), for every field in which the two differ; `auto` is such a value."""
    a, b = _flat(mine), _flat(theirs)
    return {path: (a.get(path), b.get(path)) for path in sorted(a.keys() | b.keys()) if a.get(path) != b.get(path)}


def settings_between(base: StudyDefinition, wanted: StudyDefinition) -> tuple[str, ...]:
    """The `--set` arguments that turn `base` into `wanted` (of the same definition name)."""
    return tuple(f"{path}={_written(value)}" for path, (_, value) in differences(base, wanted).items())


def _with(definition: StudyDefinition, path: str, value: Json, said: str) -> StudyDefinition:
    tree = definition.model_dump(mode="json")
    *parents, leaf = path.split(".")
    node: Json = tree
    for depth, step in enumerate(parents):
        node = _child(node, step, path, ".".join(parents[:depth]))
    if path in LOCKED:
        raise BadOverride(f"--set {path}: {path} is the definition's own; a stage's field is set as stages.lr.trials=5")
    keys = [stage["name"] for stage in node] if isinstance(node, list) else node
    if not isinstance(node, dict) or leaf not in node:
        allowed = [key for key in keys if key not in LOCKED] if isinstance(keys, (dict, list)) else []
        raise BadOverride(_unknown(path, leaf, allowed, ".".join(parents)))
    auto = set(definition.auto)
    if path in AUTO_PATHS:
        auto = auto | {AUTO_PATHS[path]} if value == "auto" else auto - {AUTO_PATHS[path]}
        tree["auto"] = [name for name in AUTO_PATHS.values() if name in auto]
        if value == "auto":
            return StudyDefinition.model_validate(tree)
    node[leaf] = _by_kind(value, leaf, node)
    try:
        return StudyDefinition.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise BadOverride(f"{said}: {_first(error)}") from None


def _by_kind(value: Json, leaf: str, node: Json) -> Json:
    """A loss, augmentation or optimizer given by its kind alone, spelled out; also in a list of choices."""
    if leaf in LABELLED and isinstance(value, str):
        return {"kind": value}
    if leaf == "choices" and node.get("kind") in ("losses", "augments") and isinstance(value, list):
        return [{"kind": item} if isinstance(item, str) else item for item in value]
    return value


def _child(node: Json, step: str, path: str, parent: str) -> Json:
    if isinstance(node, list):
        named = {stage["name"]: stage for stage in node if isinstance(stage, dict) and "name" in stage}
        if step in named:
            return named[step]
        raise BadOverride(_unknown(path, step, list(named), parent))
    if isinstance(node, dict) and step in node:
        return node[step]
    raise BadOverride(_unknown(path, step, list(node) if isinstance(node, dict) else [], parent))


def _unknown(path: str, step: str, allowed: list[str], parent: str) -> str:
    near = difflib.get_close_matches(step, allowed, n=1)
    if not near and not parent and step in Recipe.model_fields:
        near = [f"baseline.{step}"]
    where = f" in {parent}" if parent else ""
    hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(allowed) or 'nothing to set'}"
    return f"--set {path}: no field {step!r}{where}; {hint}"


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    where = ".".join(str(part) for part in detail["loc"])
    message = allowed(where) if detail["type"] == "string_pattern_mismatch" else None
    message = message or detail["msg"].removeprefix("Value error, ")
    known = detail.get("ctx", {})
    if detail["type"] == "union_tag_invalid":
        kinds = str(known.get("expected_tags")).replace("'", "").split(", ")
        near = difflib.get_close_matches(str(known.get("tag")), kinds, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(kinds)}"
        return f"{where}: no kind {known.get('tag')!r}; {hint}"
    given = "" if isinstance(detail["input"], (dict, BaseModel)) else f" (given: {str(detail['input'])[:60]!r})"
    return f"{where}: {message}{given}" if where else message


def parsed(text: str) -> Json:
    """`text` as JSON, or else as it is."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _written(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _flat(definition: StudyDefinition) -> dict[str, Json]:
    tree = definition.model_dump(mode="json")
    flat: dict[str, Json] = {}

    def walk(node: Json, path: str) -> None:
        if isinstance(node, dict) and "kind" not in node:
            for key, child in node.items():
                walk(child, f"{path}.{key}" if path else key)
        elif path == "stages":
            for stage in node:
                walk(stage, f"stages.{stage['name']}")
        elif path != "auto":
            flat[path] = node

    walk(tree, "")
    for path, name in AUTO_PATHS.items():
        if name in definition.auto:
            flat[path] = "auto"
    return flat

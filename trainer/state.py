"""What a saved run is made of, and whose it is."""

from typing import Any

import torch
from torch import Tensor

from trainer.recipe import Recipe
from trainer.replicate import Replicate


class RunError(Exception):
    """A run that cannot begin or go on: one line saying what was given and what is wanted."""


def copied(tree: Any) -> Any:
    """Dicts and lists rebuilt, tensors copied to the CPU, in plain layout: the run may go on while its owner writes."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [copied(value) for value in tree]
    return tree


def identity(recipe: Recipe, replicate: Replicate, data_digest: str) -> dict[str, str | int]:
    """What makes two runs the same run."""
    return {
        "recipe": recipe.signature,
        "data": data_digest,
        "replicate": replicate.number,
        "folds": replicate.folds,
    }


def refuse_foreign(state: dict[str, Any], expected: dict[str, str | int]) -> None:
    """RunError naming what differs if `state` was saved by another run."""
    found = state.get("identity", {})
    wrong = [
        f"{key} {_short(found.get(key))}, not {_short(value)}"
        for key, value in expected.items()
        if found.get(key) != value
    ]
    if wrong:
        raise RunError(f"this checkpoint is of another run ({'; '.join(wrong)}): start without it")


def _short(value: object) -> str:
    return str(value)[:12]

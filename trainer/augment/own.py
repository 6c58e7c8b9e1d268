"""An augmentation of the user's own, and what it must keep to."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from trainer.augment_choices import CustomAugment
from trainer.custom import CustomError, Files, load_custom
from trainer.randomness import default_generators

Change: TypeAlias = Callable[[Tensor, torch.Generator], Tensor]


def own(choice: CustomAugment, size: int, mean: Tensor, files: Files) -> Change:
    """Called as `augment(images float32 [B, C, size, size] of 0..1, generator on their device)`, returns them changed.

    A class is constructed once with the recipe's settings, a function gets them at every call; both get `size` and
    `mean` [C] if they take arguments of these names. It must draw from the generator only, keep to levels of 0..1 and
    keep nothing from batch to batch: a run is resumed without it. CustomError if it cannot be made or called so, or if
    what it returns is not a float tensor of the shape it was given.
    """
    found, where = load_custom(choice, files), f"{choice.file}:{choice.name}"
    known: dict[str, Any] = {"size": size, "mean": mean}
    settings = {key: value for key, value in known.items() if key in _arguments(found)} | dict(choice.settings)
    if inspect.isclass(found):
        change = _constructed(found, settings, where)
        _check_call(change, {}, where)
    else:
        change = partial(found, **settings)
        _check_call(found, settings, where)
    return partial(_changed, change.to(mean.device) if isinstance(change, nn.Module) else change, where)


def _arguments(found: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(found).parameters)
    except (TypeError, ValueError):  # written in C: it does not tell
        return frozenset()


def _constructed(found: Callable[..., Any], settings: dict[str, Any], where: str) -> Callable[..., Any]:
    try:
        with default_generators(torch.device("cpu"), 0, "init"):  # equal in every worker, should it draw
            made = found(**settings)
    except Exception as error:  # the user's own code
        said = " ".join(str(error).split())[:200]
        raise CustomError(
            f"{where} cannot be made ({type(error).__name__}: {said}): mend it or its settings"
        ) from error
    if not callable(made):
        raise CustomError(f"{where} makes nothing that can be called: give it __call__(self, images, draw)")
    return made


def _check_call(change: Callable[..., Any], settings: dict[str, Any], where: str) -> None:
    try:
        inspect.signature(change.forward if isinstance(change, nn.Module) else change).bind(None, None, **settings)
    except ValueError:  # written in C: it does not tell
        return
    except TypeError as error:
        given = ", ".join(["images", "draw", *(f"{key}=..." for key in settings)])
        raise CustomError(f"{where} cannot be called with ({given}), {error}: mend it or its settings") from error


def _changed(change: Callable[..., Any], where: str, images: Tensor, draw: torch.Generator) -> Tensor:
    changed = change(images, draw)
    if not isinstance(changed, Tensor):
        raise CustomError(f"{where} returned {type(changed).__name__}: return the images it was given, changed")
    if changed.shape != images.shape or not changed.is_floating_point():
        raise CustomError(
            f"{where} returned {changed.dtype} of the shape {tuple(changed.shape)}: "
            f"return floats of the shape {tuple(images.shape)}, the images it was given, changed"
        )
    return changed.to(images.dtype)

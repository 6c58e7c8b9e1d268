"""An augmentation of the user's own, and what it must keep to."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from trainer.augment_choices import CustomAugment
from trainer.custom import CustomError, Files
from trainer.own_callable import own_callable

Change: TypeAlias = Callable[[Tensor, torch.Generator], Tensor]


def own(choice: CustomAugment, size: int, mean: Tensor, files: Files) -> Change:
    """Called as `augment(images float32 [B, C, size, size] of 0..1, generator on their device)`, returns them changed.

    A class is constructed once with the recipe's settings, a function gets them at every call; both get `size` and
    `mean` [C] if they take arguments of these names. It must draw from the generator only, keep to levels of 0..1 and
    keep nothing from batch to batch: a run is resumed without it. CustomError if it cannot be made or called so, or if
    what it returns is not a float tensor of the shape it was given.
    """
    change = own_callable(
        choice, files, {"size": size, "mean": mean}, ("images", "draw"), mean.device, with_parameters=True
    )
    return partial(_changed, change, f"{choice.file}:{choice.name}")


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

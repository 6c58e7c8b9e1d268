"""The optimizer a recipe names, fused: one kernel over all weights, on a CPU several times faster than the default."""

import math
from typing import assert_never

import torch
from torch import nn

from trainer.recipe import REFERENCE_BATCH, SGD, AdamW, Optimizer, Recipe


def lr_scale(recipe: Recipe, images: int) -> float:
    """What a recipe's lr, given for batches of 64, is multiplied by for its own batches of `images` training images.

    So that the best lr does not move with the batch size: in proportion for SGD (Goyal et al. 2017), by the square root
    for AdamW (as Malladi et al. 2022, who move the betas too), whose weight decay grows alike: the decay of an epoch
    stays the same.
    """
    ratio = min(recipe.batch_size, recipe.epoch_images or images, images) / REFERENCE_BATCH
    return ratio if isinstance(recipe.optimizer, SGD) else math.sqrt(ratio)


def optimizer_of(recipe: Recipe, model: nn.Module, images: int) -> torch.optim.Optimizer:
    """Its learning rate is 0 until set for each step. Biases, norms and what timm names are not decayed."""
    choice: Optimizer = recipe.optimizer
    match choice:
        case AdamW(beta1=beta1, beta2=beta2):
            groups = _groups(model, choice.weight_decay * lr_scale(recipe, images))
            return torch.optim.AdamW(groups, lr=0.0, betas=(beta1, beta2), fused=True)
        case SGD(momentum=momentum, nesterov=nesterov):
            groups = _groups(model, choice.weight_decay)
            return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=nesterov and momentum > 0, fused=True)
        case _:
            assert_never(choice)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    spared_names: set[str] = set(getattr(model, "no_weight_decay", set)())  # position embeddings, class tokens
    decayed, spared = [], []
    for name, weight in model.named_parameters():
        (spared if weight.ndim <= 1 or name in spared_names else decayed).append(weight)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]

"""The optimizer a recipe names, fused: one kernel over all weights, on a CPU several times faster than the default.

Its state is there from the beginning and stays in place, and its learning rate is a tensor on the device: one optimizer
serves run after run, also within a captured step.
"""

import math
from collections.abc import Mapping
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from trainer.recipe import REFERENCE_BATCH, SGD, AdamW, Optimizer, Recipe
from trainer.stored import StoredAdamW


def lr_scale(recipe: Recipe, images: int) -> float:
    """What a recipe's lr, given for batches of 64, is multiplied by for its own batches of `images` training images.

    So that the best lr does not move with the batch size: in proportion for SGD (Goyal et al. 2017), by the square root
    for AdamW (as Malladi et al. 2022, who move the betas too), whose weight decay grows alike: the decay of an epoch
    stays the same.
    """
    ratio = min(recipe.batch_size, recipe.epoch_images or images, images) / REFERENCE_BATCH
    return ratio if isinstance(recipe.optimizer, SGD) else math.sqrt(ratio)


def optimizer_of(recipe: Recipe, model: nn.Module, images: int, *, captured: bool = False) -> torch.optim.Optimizer:
    """For `model` on its device, its learning rate 0 until set. Biases, norms and what timm names are not decayed.

    `captured`: its steps may be part of a CUDA graph.
    """
    choice: Optimizer = recipe.optimizer
    device = next(model.parameters()).device
    lr = torch.zeros((), device=device)
    match choice:
        case AdamW(beta1=beta1, beta2=beta2):
            groups = _groups(model, choice.weight_decay * lr_scale(recipe, images))
            kind = StoredAdamW if device.type == "cpu" else torch.optim.AdamW
            optimizer = kind(groups, lr=lr, betas=(beta1, beta2), fused=True, capturable=captured)
            names = ("exp_avg", "exp_avg_sq")
        case SGD(momentum=momentum, nesterov=nesterov):
            groups = _groups(model, choice.weight_decay)
            nesterov = nesterov and momentum > 0
            optimizer = torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov, fused=True)
            names = ("momentum_buffer",) if momentum > 0 else ()
        case _:
            assert_never(choice)
    for weight in model.parameters():
        optimizer.state[weight] = {name: torch.zeros_like(weight) for name in names}
        if isinstance(choice, AdamW):
            optimizer.state[weight]["step"] = torch.zeros((), device=device)
    return optimizer


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Without waiting for the device."""
    for group in optimizer.param_groups:
        group["lr"].fill_(lr)


def start_anew(optimizer: torch.optim.Optimizer) -> None:
    """In place: as if it had made no step."""
    for tensor in state_tensors(optimizer):
        tensor.zero_()


@torch.no_grad()
def restore(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """In place: as it was when its `state_dict` was `saved`."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for place, weight in enumerate(weights):
        for name, tensor in optimizer.state[weight].items():
            tensor.copy_(saved["state"][place][name])


def state_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All that a step changes but the weights."""
    return [tensor for tensors in optimizer.state.values() for tensor in tensors.values()]


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    spared_names: set[str] = set(getattr(model, "no_weight_decay", set)())  # position embeddings, class tokens
    decayed, spared = [], []
    for name, weight in model.named_parameters():
        (spared if weight.ndim <= 1 or name in spared_names else decayed).append(weight)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]

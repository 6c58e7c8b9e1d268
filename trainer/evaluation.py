"""A model looked at, not trained: logits of stored images, and the score."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.execution import autocast
from trainer.recipe import Recipe
from trainer.score import Score


@torch.inference_mode()
def logits_of(
    model: nn.Module, images: Tensor, index: Tensor, normalise: Callable[[Tensor], Tensor], recipe: Recipe
) -> Tensor:
    """[len(index), classes], fp32: the uint8 `images` [N, C, H, W] at `index`, on one device; `model` in eval mode."""
    size = 128 if images.device.type == "cpu" else 1024  # larger is slower on a CPU: it leaves the caches
    with autocast(images.device, recipe.precision):
        return torch.cat([model(normalise(images[part])).float() for part in index.split(size)])


@torch.inference_mode()
def score_of(metric: str, logits: Tensor, labels: Tensor) -> float:
    """The score of these answers, from 0 to 1."""
    score = Score(metric, logits.shape[1], labels)
    score.add(logits, labels)
    return score.value().item()


@torch.inference_mode()
def cross_entropy_of(logits: Tensor, labels: Tensor) -> float:
    """Mean over images, in nats."""
    return functional.cross_entropy(logits, labels).item()

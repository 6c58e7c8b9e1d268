"""Weights of the classes, [classes] fp32. Rare classes weigh more.

They are scaled to a mean of 1 over the training images, not over the classes: the learning rate keeps its meaning. A
class without training images weighs as one with a single image.
"""

import torch
from torch import Tensor


def inverse_effective_number(class_counts: Tensor, beta: float) -> Tensor:
    """(1 - beta) / (1 - beta ** n), n the images of a class (Cui et al. 2019, equation 4)."""
    counts = _counts(class_counts)
    return _scaled((1 - beta) / (1 - beta**counts), class_counts)


def inverse_frequency(class_counts: Tensor, power: float) -> Tensor:
    """1 / n ** power; with power 1 all classes together weigh the same."""
    return _scaled(_counts(class_counts) ** -power, class_counts)


def _counts(class_counts: Tensor) -> Tensor:
    # float64 on the CPU: the same bits whatever the device, some of which have no float64
    return class_counts.to("cpu", torch.float64).clamp(min=1)


def _scaled(weight: Tensor, class_counts: Tensor) -> Tensor:
    images = class_counts.to("cpu", torch.float64)
    return (weight * images.sum() / (weight * images).sum()).float().to(class_counts.device)

"""Weights of the classes, [classes] fp32. Rare classes weigh more.

They are scaled to a mean of 1 over the images that an epoch shows, not over the classes: the learning rate keeps its
meaning, under balanced sampling too. A class without training images weighs as one with a single image.
"""

import torch
from torch import Tensor


def inverse_effective_number(class_counts: Tensor, shown: Tensor, beta: float) -> Tensor:
    """(1 - beta) / (1 - beta ** n), n the images of a class (Cui et al. 2019, equation 4); `shown` [classes] each."""
    counts = _counts(class_counts)
    return _scaled((1 - beta) / (1 - beta**counts), shown, class_counts.device)


def inverse_frequency(class_counts: Tensor, shown: Tensor, power: float) -> Tensor:
    """1 / n ** power; with power 1 all classes together weigh the same, where each image is shown as often."""
    return _scaled(_counts(class_counts) ** -power, shown, class_counts.device)


def _counts(class_counts: Tensor) -> Tensor:
    # float64 on the CPU: the same bits whatever the device, some of which have no float64
    return class_counts.to("cpu", torch.float64).clamp(min=1)


def _scaled(weight: Tensor, shown: Tensor, device: torch.device) -> Tensor:
    images = shown.to("cpu", torch.float64)
    return (weight * images.sum() / (weight * images).sum()).float().to(device)

"""Bytes to numbers of mean 0 and standard deviation 1 per channel: of the training images, or of the weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from trainer.recipe import Recipe
from trainer.streaming import Images
from trainer.timm_import import get_pretrained_cfg
from trainer.weights import BackboneError


@dataclass(frozen=True)
class Normalise:
    mean: Tensor  # [1, C, 1, 1], of levels 0..1
    spread: Tensor  # [1, C, 1, 1], standard deviation
    colour: Tensor  # [C], the mean colour of the training images, 0..1

    @classmethod
    def of(cls, recipe: Recipe, images: Images, train: Tensor) -> "Normalise":
        """As `recipe.normalise` says, for uint8 `images` [N, C, H, W] of which the rows `train` are trained on."""
        mean, spread = fitted(images, train)
        colour = mean
        if recipe.normalise == "pretrained":
            mean, spread = pretrained(recipe)
        mean, spread, colour = (value.float().to(images.device) for value in (mean, spread, colour))
        return cls(mean.view(1, -1, 1, 1), spread.view(1, -1, 1, 1), colour)

    @classmethod
    def known(cls, mean: Sequence[float], spread: Sequence[float], device: torch.device) -> "Normalise":
        """As another one was, from its `numbers`."""
        middle, width = (torch.tensor(value, dtype=torch.float32, device=device) for value in (mean, spread))
        return cls(middle.view(1, -1, 1, 1), width.view(1, -1, 1, 1), middle)

    @property
    def numbers(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, standard deviation) of each channel, levels 0..1: exactly those that are used."""
        return tuple(self.mean.flatten().tolist()), tuple(self.spread.flatten().tolist())

    @cached_property
    def scale(self) -> Tensor:
        """[1, C, 1, 1], 1 / standard deviation."""
        return 1 / self.spread

    def __call__(self, images: Tensor) -> Tensor:
        """float32 [B, C, H, W] of levels 0..1 -> the same shape."""
        return (images - self.mean).mul_(self.scale)

    def bytes(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> float32."""
        return levels(images).sub_(self.mean).mul_(self.scale)


def levels(images: Tensor) -> Tensor:
    """uint8 -> float32 of 0..1."""
    return images.to(torch.float32).div_(255)


def fitted(images: Images, train: Tensor) -> tuple[Tensor, Tensor]:
    """(mean, standard deviation), float64 [C], levels 0..1. From counts of bytes: exact, the same on every device."""
    channels = images.shape[1]
    counts = torch.zeros(channels, 256, dtype=torch.int64, device=images.device)
    for index in train.split(4096):
        part = images[index].transpose(0, 1).flatten(1).to(torch.int64)
        for channel in range(channels):
            counts[channel] += part[channel].bincount(minlength=256)
    shares = counts.cpu().double() / counts.cpu().sum(dim=1, keepdim=True)
    level = torch.arange(256, dtype=torch.float64)
    mean = shares @ level
    spread = (shares @ level.square() - mean.square()).clamp(min=1).sqrt()  # at least one level: an empty channel
    return mean / 255, spread / 255


def pretrained(recipe: Recipe) -> tuple[Tensor, Tensor]:
    """(mean, standard deviation), float64 [C], that timm's weights of this backbone were trained with."""
    tag = recipe.weights.removeprefix("timm:") if recipe.weights and recipe.weights.startswith("timm:") else ""
    config = get_pretrained_cfg(f"{recipe.backbone}.{tag}" if tag else recipe.backbone)
    if config is None:
        raise BackboneError(f"timm knows no normalisation for backbone {recipe.backbone_name}: use normalise data")
    mean, spread = (torch.tensor(value, dtype=torch.float64) for value in (config.mean, config.std))
    return (mean, spread) if recipe.channels == 3 else (mean.mean().view(1), spread.mean().view(1))

"""Pictures that augmentations are tried on: digits, and generated ones in colour with edges and gradients."""

from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torchvision.transforms.v2 import functional

CPU = torch.device("cpu")


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator(CPU).manual_seed(seed)


def in_bytes(images: Tensor) -> Tensor:
    return images.clamp(0, 1).mul(255).round().div(255)


def coloured(seed: int = 0, side: int = 32) -> Tensor:
    """RGB: soft clouds of colour, a dark square and a light bar on them, some noise."""
    clouds = torch.rand(3, 5, 5, generator=draw(seed)) * 0.8 + 0.1
    picture = functional.resize(clouds, [side, side], antialias=True)
    picture[:, side // 5 : side // 2, side // 4 : side // 2] *= 0.3
    picture[:, side * 2 // 3 : side * 3 // 4, side // 3 :] += torch.tensor([0.3, 0.1, -0.2]).view(3, 1, 1)
    return in_bytes(picture + 0.05 * torch.randn(picture.shape, generator=draw(seed + 1)))


def digit(number: int = 3, side: int = 32) -> Tensor:
    """A grey one, written by hand."""
    pixels = torch.tensor(load_digits(return_X_y=True)[0][number]).float().div(16).view(1, 8, 8)
    return in_bytes(functional.resize(pixels, [side, side], antialias=True))


def copies(picture: Tensor, count: int) -> Tensor:
    """One image, many times: what differs afterwards was drawn per image."""
    return picture.expand(count, -1, -1, -1).contiguous()


def filled(transform: Callable[..., Tensor], fill: Tensor) -> Callable[..., Tensor]:
    """`transform`, one of torchvision's without a fill, made to fill with the colour `fill` [C].

    With a fill of its own torchvision multiplies pixels on the edge twice with the share of them that is covered.
    """
    colour = fill.view(-1, 1, 1)
    return lambda image, *settings: transform(image - colour, *settings) + colour

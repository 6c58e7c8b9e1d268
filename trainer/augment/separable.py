"""Filters of rows and columns, each image with weights of its own: sums over pixels as matrix products."""

import math

import torch
from torch import Tensor

from trainer.augment.boxes import crops
from trainer.augment.draws import happens, uniform


def filtered(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """[B, C, h, w]: rows[i] @ image @ columns[i].T by channel of [B, C, H, W]; rows [B, h, H], columns [B, w, W]."""
    count, channels, height, _ = images.shape
    across = torch.bmm(images.flatten(1, 2), columns.transpose(1, 2)).view(count, channels, height, -1)
    return torch.matmul(rows[:, None], across).clamp_(0, 1)


def random_resized_crop(images: Tensor, size: int, scale: float, draw: torch.Generator) -> Tensor:
    """[B, C, size, size]: a box drawn for each image of [B, C, H, H], resized bilinearly with antialiasing.

    torchvision's RandomResizedCrop(size, (scale, 1)).
    """
    side = images.shape[3]
    top, left, height, width = crops(draw, len(images), side, scale)
    return filtered(images, resizing(top, height, side, size), resizing(left, width, side, size))


def resizing(first: Tensor, length: Tensor, side: int, size: int) -> Tensor:
    """[B, size, side]: how much each old pixel adds to each new one when `length` from `first` on become `size`.

    A triangle around the place of the new pixel, as wide as that is (at least one old pixel), as Pillow and torch's
    antialiased bilinear resizing have it. `first` and `length` are int64 [B].
    """
    old = torch.arange(side, device=first.device) + 0.5
    new = torch.arange(size, device=first.device) + 0.5
    step = (length / size)[:, None, None]
    distance = (old[None, None, :] - first[:, None, None] - new[None, :, None] * step).abs()
    weights = (1 - distance / step.clamp(min=1)).clamp_(min=0)
    inside = (old > first[:, None]) & (old < (first + length)[:, None])
    weights = weights * inside[:, None, :]
    return weights / weights.sum(dim=2, keepdim=True)


def blur(images: Tensor, p: float, sigma: float, taps: Tensor, draw: torch.Generator) -> Tensor:
    """With probability `p` a Gaussian of a deviation drawn evenly in 0.1..`sigma` pixels; `taps` from `reflected`.

    torchvision's GaussianBlur, its kernel reaching 3 sigma of the widest (but not over the image).
    """
    count, _, side, _ = images.shape
    weights = blurring(uniform(draw, 0.1, sigma, count), taps)
    left = torch.eye(side, device=images.device)
    weights = torch.where(happens(draw, p, count)[:, None, None], weights, left)
    return filtered(images, weights, weights)


def blurring(sigma: Tensor, taps: Tensor) -> Tensor:
    """[B, side, side]: the weights of a Gaussian of `sigma` [B] pixels, cut off where `taps` end, borders reflected."""
    reach = len(taps) // 2
    offset = torch.arange(-reach, reach + 1, device=taps.device)
    kernel = (-0.5 * (offset / sigma[:, None]).square()).softmax(dim=1)
    return (kernel @ taps.flatten(1)).view(len(sigma), *taps.shape[1:])


def reflected(side: int, sigma: float, device: torch.device) -> Tensor:
    """[taps, side, side]: 1 where the tap of a kernel reaching 3 sigma, around a new pixel, meets an old one."""
    reach = min(math.ceil(3 * sigma), side - 1)
    place = torch.arange(side, device=device)
    offset = torch.arange(-reach, reach + 1, device=device)
    met = (place[None, :] + offset[:, None]).abs()  # index -1 is index 1
    met = side - 1 - (side - 1 - met).abs()
    return (met[:, :, None] == place).float()

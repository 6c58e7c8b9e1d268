"""Boxes drawn for each image of a batch, as torchvision draws them: ten tries, the first that fits.

The tries are drawn at once, so that how many were needed is never asked of the device.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from trainer.augment.draws import uniform, whole

TRIES = 10
LONGEST_CROP = 4 / 3  # ratio of the sides
SMALLEST_HOLE, NARROWEST_HOLE, WIDEST_HOLE = 0.02, 0.3, 3.3  # share of the area, ratios of the sides


class Boxes(NamedTuple):
    """Rows top..top + height - 1 and columns left..left + width - 1 of each image, int64 [B] each."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def crops(draw: torch.Generator, count: int, side: int, scale: float) -> Boxes:
    """Boxes of `scale`..1 of the area of square images, of RandomResizedCrop(scale=(scale, 1)); all if no try fits."""
    area = uniform(draw, scale, 1, TRIES, count) * side**2
    ratio = uniform(draw, -math.log(LONGEST_CROP), math.log(LONGEST_CROP), TRIES, count).exp()
    width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (width > 0) & (width <= side) & (height > 0) & (height <= side)
    return _placed(draw, *_first(fits, height, width, otherwise=side), side)


def holes(draw: torch.Generator, count: int, side: int, area: float) -> Boxes:
    """Boxes of 0.02..`area` of the area of square images, of RandomErasing(scale=(0.02, area)); none if no try fits."""
    surface = uniform(draw, SMALLEST_HOLE, area, TRIES, count) * side**2
    ratio = uniform(draw, math.log(NARROWEST_HOLE), math.log(WIDEST_HOLE), TRIES, count).exp()
    height, width = (surface * ratio).sqrt().round(), (surface / ratio).sqrt().round()
    return _placed(draw, *_first((height < side) & (width < side), height, width, otherwise=0), side)


def covered(boxes: Boxes, side: int) -> Tensor:
    """bool [B, 1, side, side]: the pixels of the boxes, which may reach out of the image."""
    place = torch.arange(side, device=boxes.top.device)
    rows = (place >= boxes.top[:, None]) & (place < (boxes.top + boxes.height)[:, None])
    columns = (place >= boxes.left[:, None]) & (place < (boxes.left + boxes.width)[:, None])
    return rows[:, None, :, None] & columns[:, None, None, :]


def _first(fits: Tensor, height: Tensor, width: Tensor, otherwise: int) -> tuple[Tensor, Tensor]:
    """Height and width [B] of the first of the tries [TRIES, B] that fits."""
    first = fits.int().argmax(dim=0, keepdim=True)
    found = fits.any(dim=0)
    height, width = (torch.where(found, length.gather(0, first)[0], otherwise).long() for length in (height, width))
    return height, width


def _placed(draw: torch.Generator, height: Tensor, width: Tensor, side: int) -> Boxes:
    return Boxes(whole(draw, side - height + 1), whole(draw, side - width + 1), height, width)

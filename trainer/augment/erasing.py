"""Boxes of a batch of square images [B, C, H, H] painted over in one colour `fill` [C]."""

import torch
from torch import Tensor

from trainer.augment.boxes import Boxes, covered, holes
from trainer.augment.draws import happens


def cutout(images: Tensor, fraction: float, fill: Tensor, draw: torch.Generator) -> Tensor:
    """In each image a square of side `fraction` of its own, the centre on any pixel (DeVries and Taylor 2017)."""
    count, side = len(images), images.shape[3]
    length = max(1, round(fraction * side))
    top, left = torch.randint(0, side, (2, count), generator=draw, device=draw.device) - length // 2
    lengths = torch.full_like(top, length)
    return painted(images, Boxes(top, left, lengths, lengths), fill)


def random_erasing(images: Tensor, p: float, area: float, fill: Tensor, draw: torch.Generator) -> Tensor:
    """With probability `p` a whole box of 2 %..`area` of the image, its sides in a ratio of 0.3..3.3.

    torchvision's RandomErasing(p, (0.02, area)), painting `fill`.
    """
    count, side = len(images), images.shape[3]
    boxes = holes(draw, count, side, area)
    return painted(images, boxes._replace(height=boxes.height * happens(draw, p, count)), fill)


def painted(images: Tensor, boxes: Boxes, fill: Tensor) -> Tensor:
    """The images with the pixels of `boxes` in the colour `fill`."""
    return torch.where(covered(boxes, images.shape[3]), fill.view(1, -1, 1, 1), images)

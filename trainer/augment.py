"""Augmentation of a whole batch on its device, every draw made per image from the given generator."""

from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor

from trainer.recipe import Augment, Cutout, Flip, Mixup, NoAugment, Shift


@dataclass(frozen=True)
class Batch:
    """Images [B, C, H, W], normalised: 0 is the mean colour. `blend`: (partner labels [B], own share [B] in 0..1)."""

    images: Tensor
    labels: Tensor
    blend: tuple[Tensor, Tensor] | None = None


def augmented(augment: Augment, images: Tensor, labels: Tensor, draw: torch.Generator) -> Batch:
    """The batch after `augment`, of the same shape, dtype and device; `draw` is a generator on that device."""
    match augment:
        case NoAugment():
            return Batch(images, labels)
        case Flip(p=p):
            return Batch(flip(images, p, draw), labels)
        case Shift(fraction=fraction):
            return Batch(shift(images, fraction, draw), labels)
        case Cutout(fraction=fraction):
            return Batch(cutout(images, fraction, draw), labels)
        case Mixup(alpha=alpha):
            return mixup(images, labels, alpha, draw)
        case _:
            assert_never(augment)


def flip(images: Tensor, p: float, draw: torch.Generator) -> Tensor:
    """Each image mirrored left to right with probability `p`."""
    turned = torch.rand(len(images), 1, 1, 1, generator=draw, device=images.device) < p
    return torch.where(turned, images.flip(3), images)


def shift(images: Tensor, fraction: float, draw: torch.Generator) -> Tensor:
    """Each image moved by whole pixels, at least one possible, evenly in +-fraction of each side; borders repeat."""
    count, channels, height, width = images.shape
    rows = _moved(count, height, fraction, draw, images.device)
    columns = _moved(count, width, fraction, draw, images.device)
    place = (rows[:, :, None] * width + columns[:, None, :]).view(count, 1, height * width)
    return images.flatten(2).gather(2, place.expand(-1, channels, -1)).view_as(images)


def cutout(images: Tensor, fraction: float, draw: torch.Generator) -> Tensor:
    """In each image a square of side `fraction` of the width, its centre on any pixel, set to the mean colour."""
    count, _, height, width = images.shape
    side = max(1, round(fraction * width))
    inside = [_covered(count, length, side, draw, images.device) for length in (height, width)]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0)


def mixup(images: Tensor, labels: Tensor, alpha: float, draw: torch.Generator) -> Batch:
    """Each image keeps a share from Beta(alpha, alpha), the rest is a partner from a permutation of the batch."""
    partner = torch.randperm(len(images), generator=draw, device=images.device)
    # A Beta draw is a ratio of two Gamma draws; torch.distributions takes no generator, the kernel beneath it does.
    # float64, for with a small alpha a Gamma draw falls below the smallest float32.
    concentration = torch.full((2, len(images)), alpha, dtype=torch.float64, device=images.device)
    own, other = torch._standard_gamma(concentration, generator=draw)  # pyright: ignore[reportPrivateImportUsage]
    share = (own / (own + other)).nan_to_num(0.5).to(images.dtype)
    return Batch(torch.lerp(images[partner], images, share.view(-1, 1, 1, 1)), labels, (labels[partner], share))


def _moved(count: int, side: int, fraction: float, draw: torch.Generator, device: torch.device) -> Tensor:
    """[count, side]: which pixel of the old line each pixel of the new one shows."""
    reach = max(1, round(fraction * side))
    offset = torch.randint(-reach, reach + 1, (count, 1), generator=draw, device=device)
    return (torch.arange(side, device=device) + offset).clamp_(0, side - 1)


def _covered(count: int, length: int, side: int, draw: torch.Generator, device: torch.device) -> Tensor:
    """[count, length]: whether a pixel of the line lies under the square."""
    first = torch.randint(0, length, (count, 1), generator=draw, device=device) - side // 2
    place = torch.arange(length, device=device)
    return (place >= first) & (place < first + side)

"""TrivialAugment and RandAugment: for each image one of 14 operations of a list, of a drawn or a given strength.

References: TrivialAugmentWide and RandAugment of torchvision.transforms.v2, on bytes, bilinear. Here no strength is
rounded to a byte on the way, and TrivialAugment moves by at most the side of the image, where torchvision's limit of 32
pixels would leave nothing of smaller images half of the time.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from trainer.augment.draws import happens
from trainer.augment.geometric import warped
from trainer.augment.tones import Tones, toned

LEVELS = 31  # of TrivialAugment's strength


class Operation(IntEnum):
    IDENTITY = 0
    SHEAR_X = 1
    SHEAR_Y = 2
    TRANSLATE_X = 3
    TRANSLATE_Y = 4
    ROTATE = 5
    BRIGHTNESS = 6
    COLOUR = 7
    CONTRAST = 8
    SHARPNESS = 9
    POSTERIZE = 10
    SOLARIZE = 11
    AUTOCONTRAST = 12
    EQUALIZE = 13


@dataclass(frozen=True)
class Ranges:
    """What a strength of 1 means."""

    shear: float  # tangent
    translate: float  # pixels
    degrees: float
    factor: float  # of brightness, colour, contrast and sharpness, above or below 1
    bits: int  # left out by posterize


def trivial_ranges(side: int) -> Ranges:
    return Ranges(shear=0.99, translate=min(32, side), degrees=135, factor=0.99, bits=6)


def rand_ranges(side: int) -> Ranges:
    return Ranges(shear=0.3, translate=150 / 331 * side, degrees=30, factor=0.9, bits=4)


def trivial_augment(images: Tensor, fill: Tensor, draw: torch.Generator) -> Tensor:
    """One operation for each image, of a strength drawn from 31 even steps 0..1."""
    ranges = trivial_ranges(images.shape[3])
    step = torch.randint(0, LEVELS, (len(images),), generator=draw, device=draw.device)
    return _drawn(images, step / (LEVELS - 1), ranges, fill, draw)


def rand_augment(images: Tensor, operations: int, magnitude: float, fill: Tensor, draw: torch.Generator) -> Tensor:
    """`operations` operations for each image, one after the other, of strength `magnitude` / 10.

    A magnitude m of 0..10 is torchvision's 3 m of 0..30, without its whole steps.
    """
    ranges = rand_ranges(images.shape[3])
    strength = torch.full((len(images),), magnitude / 10, device=images.device)
    for _ in range(operations):
        images = _drawn(images, strength, ranges, fill, draw)
    return images


def _drawn(images: Tensor, strength: Tensor, ranges: Ranges, fill: Tensor, draw: torch.Generator) -> Tensor:
    operation = torch.randint(0, len(Operation), (len(images),), generator=draw, device=draw.device)
    upwards = happens(draw, 0.5, len(images))
    return operated(images, operation, strength, torch.where(upwards, strength, -strength), ranges, fill)


def operated(
    images: Tensor, operation: Tensor, strength: Tensor, signed: Tensor, ranges: Ranges, fill: Tensor
) -> Tensor:
    """Image i after `operation[i]` (int64 [B]), of strength `signed[i]` where it has two ways, else `strength[i]`.

    Every image takes the way of all operations, for the others with settings that change nothing: which image has which
    operation is never asked of the device.
    """
    matrix = _matrix(operation, signed, ranges, images.shape[3])
    turned = (operation >= Operation.SHEAR_X) & (operation <= Operation.ROTATE)
    images = torch.where(turned.view(-1, 1, 1, 1), warped(images, matrix, fill), images)
    still = torch.ones_like(signed)
    factor = 1 + ranges.factor * signed

    def of(kind: Operation, setting: Tensor) -> Tensor:
        return torch.where(operation == kind, setting, still)

    return toned(
        images,
        Tones(
            brightness=of(Operation.BRIGHTNESS, factor),
            colour=of(Operation.COLOUR, factor),
            contrast=of(Operation.CONTRAST, factor),
            sharpness=of(Operation.SHARPNESS, factor),
            autocontrast=operation == Operation.AUTOCONTRAST,
            posterize=operation == Operation.POSTERIZE,
            bits=8 - (strength * ranges.bits).round(),
            solarize=operation == Operation.SOLARIZE,
            threshold=1 - strength,
            equalize=operation == Operation.EQUALIZE,
        ),
    )


def _matrix(operation: Tensor, signed: Tensor, ranges: Ranges, side: int) -> Tensor:
    """[B, 2, 3] for `warped`; shears keep the upper left corner in its place, turns are counter-clockwise."""

    def of(kind: Operation, most: float) -> Tensor:
        return signed * most * (operation == kind)

    shear_x, shear_y = of(Operation.SHEAR_X, ranges.shear), of(Operation.SHEAR_Y, ranges.shear)
    angle = of(Operation.ROTATE, ranges.degrees).deg2rad()
    move_x = of(Operation.TRANSLATE_X, ranges.translate).trunc()
    move_y = of(Operation.TRANSLATE_Y, ranges.translate).trunc()
    cos, sin = angle.cos(), angle.sin()
    x = torch.stack([cos, shear_x - sin, shear_x * (side / 2) - move_x], dim=1)
    y = torch.stack([shear_y + sin, cos, shear_y * (side / 2) - move_y], dim=1)
    return torch.stack([x, y], dim=1)

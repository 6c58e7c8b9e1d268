"""Mirrored, moved, turned, scaled, sheared: every image of a batch [B, C, H, W] by a draw of its own.

References: RandomHorizontalFlip, RandomRotation and RandomAffine of torchvision.transforms.v2, bilinear. Where the edge
lies between two pixels, colours here blend towards the fill once; torchvision weighs them with the fill twice.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from trainer.augment.draws import happens, uniform


def flip(images: Tensor, p: float, draw: torch.Generator) -> Tensor:
    """Each image mirrored left to right with probability `p`."""
    return torch.where(happens(draw, p, len(images)).view(-1, 1, 1, 1), images.flip(3), images)


def shift(images: Tensor, fraction: float, draw: torch.Generator) -> Tensor:
    """Each image moved by whole pixels, at least one possible, evenly in +-fraction of each side; borders repeat."""
    count, channels, height, width = images.shape
    rows = _moved(count, height, fraction, draw)
    columns = _moved(count, width, fraction, draw)
    place = (rows[:, :, None] * width + columns[:, None, :]).view(count, 1, height * width)
    return images.flatten(2).gather(2, place.expand(-1, channels, -1)).view_as(images)


def rotation(images: Tensor, degrees: float, fill: Tensor, draw: torch.Generator) -> Tensor:
    """Each image turned about its centre by an angle drawn evenly in +-degrees."""
    return rotated(images, uniform(draw, -degrees, degrees, len(images)), fill)


def affine(
    images: Tensor, degrees: float, translate: float, scale: float, shear: float, fill: Tensor, draw: torch.Generator
) -> Tensor:
    """Each image sheared along x, scaled, turned and moved by whole pixels, all drawn evenly up to the settings."""
    count, _, height, width = images.shape
    matrix = affine_matrix(
        degrees=uniform(draw, -degrees, degrees, count),
        move_x=uniform(draw, -translate * width, translate * width, count).round(),
        move_y=uniform(draw, -translate * height, translate * height, count).round(),
        scale=uniform(draw, 1 - scale, 1 + scale, count),
        shear=uniform(draw, -shear, shear, count),
    )
    return warped(images, matrix, fill)


def rotated(images: Tensor, degrees: Tensor, fill: Tensor) -> Tensor:
    """Image i turned by `degrees[i]` counter-clockwise (torchvision.functional.rotate)."""
    still, natural = torch.zeros_like(degrees), torch.ones_like(degrees)
    return warped(images, affine_matrix(-degrees, still, still, natural, still), fill)


def affine_matrix(degrees: Tensor, move_x: Tensor, move_y: Tensor, scale: Tensor, shear: Tensor) -> Tensor:
    """[B, 2, 3] for `warped`: degrees clockwise, moves in pixels, shear in degrees along x, all [B].

    The inverse of move * rotation * scale * shear, as in torchvision's `_get_inverse_affine_matrix`.
    """
    angle, slope = degrees * (math.pi / 180), (shear * (math.pi / 180)).tan()
    cos, sin = angle.cos(), angle.sin()
    x, y = torch.stack([cos - sin * slope, -sin], dim=1), torch.stack([sin + cos * slope, cos], dim=1)
    linear = torch.stack([x, y], dim=2) / scale[:, None, None]
    move = torch.stack([move_x, move_y], dim=1)[:, :, None]
    return torch.cat([linear, -(linear @ move)], dim=2)


def warped(images: Tensor, matrix: Tensor, fill: Tensor) -> Tensor:
    """Bilinear: the pixel at (x, y) of image i shows the place matrix[i] @ (x, y, 1) of the given one, else `fill` [C].

    x to the right and y down, in pixels from the centre of the image.
    """
    height, width = images.shape[2:]
    x, y = centred(width, images.device), centred(height, images.device)
    by_x, by_y, constant = matrix[..., None].unbind(2)  # [B, 2, 1] each
    places = []
    for axis, side in enumerate((width, height)):
        along, across = by_x[:, axis] * x + constant[:, axis], by_y[:, axis] * y
        places.append((along * (2 / side))[:, None, :] + (across * (2 / side))[:, :, None])  # the sides are -1 and 1
    grid = torch.stack(places, dim=3)
    # Relative to the fill colour, what lies outside is zero, and so is what it adds to a pixel on the edge.
    colour = fill.view(1, -1, 1, 1)
    seen = functional.grid_sample(images - colour, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return seen.add_(colour).clamp_(0, 1)


def centred(side: int, device: torch.device) -> Tensor:
    """[side]: where the pixels of a line lie, from its middle: -1.5, -0.5, 0.5, 1.5."""
    return torch.arange(side, device=device, dtype=torch.float32) - (side - 1) / 2


def _moved(count: int, side: int, fraction: float, draw: torch.Generator) -> Tensor:
    """[count, side]: which pixel of the old line each pixel of the new one shows."""
    reach = max(1, round(fraction * side))
    offset = torch.randint(-reach, reach + 1, (count, 1), generator=draw, device=draw.device)
    return (torch.arange(side, device=draw.device) + offset).clamp_(0, side - 1)

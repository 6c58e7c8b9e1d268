"""The operations of the policies that leave every pixel in its place, for a batch [B, C, H, W] of levels 0..1.

References: torchvision.transforms.v2.functional, `adjust_...`, `autocontrast` (on floats), `posterize`, `solarize`,
`equalize` (on bytes, as Pillow).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.augment.colour import grey

BYTE = 255
FLAT = 0.5 / BYTE  # less than half a byte between the darkest and the lightest pixel: nothing to stretch


@dataclass(frozen=True)
class Tones:
    """For each image [B] at most one that does something. Factors of 1 change nothing."""

    brightness: Tensor  # factor
    colour: Tensor  # factor
    contrast: Tensor  # factor
    sharpness: Tensor  # factor
    autocontrast: Tensor  # bool
    posterize: Tensor  # bool
    bits: Tensor  # float, whole: those kept by posterize
    solarize: Tensor  # bool
    threshold: Tensor  # 0..1, from which on solarize turns dark into light
    equalize: Tensor  # bool


def toned(images: Tensor, tones: Tones) -> Tensor:
    """Image i after its operation."""
    tabled = tones.posterize | tones.solarize | tones.equalize
    return torch.where(tabled.view(-1, 1, 1, 1), _by_table(images, tones), _by_factors(images, tones))


def _by_factors(images: Tensor, tones: Tones) -> Tensor:
    """A factor f makes f of the image and 1 - f of a picture without the quality in question."""
    colourless = grey(images)
    even = colourless.mean(dim=(1, 2, 3), keepdim=True)
    low, high = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    stretched = _wide(tones.autocontrast) & (high - low > FLAT)
    spread = torch.where(stretched, high - low, 1.0)
    dark = torch.where(stretched, low, 0.0)
    own = _wide(tones.brightness * tones.colour * tones.contrast * tones.sharpness) / spread
    rest = _wide(1 - tones.contrast) * even - dark / spread
    result = torch.addcmul(rest, images, own)
    result.addcmul_(colourless, _wide(1 - tones.colour))
    result.addcmul_(softened(images), _wide(1 - tones.sharpness))
    return result.clamp_(0, 1)


def softened(images: Tensor) -> Tensor:
    """Each pixel averaged with its eight neighbours, itself counting five times; the border stays (Pillow's SMOOTH)."""
    soft = images.clone()
    three = images[..., :-2] + images[..., 1:-1]
    three += images[..., 2:]
    nine = three[..., :-2, :] + three[..., 1:-1, :]
    nine += three[..., 2:, :]
    soft[..., 1:-1, 1:-1].mul_(4 / 13).add_(nine, alpha=1 / 13)
    return soft


def _by_table(images: Tensor, tones: Tones) -> Tensor:
    """Each byte of an image replaced by what a table of its own, for each channel, says."""
    pixels = (images.flatten(2) * BYTE).round_().long()
    byte = torch.arange(BYTE + 1, device=images.device, dtype=torch.float32)
    step = torch.exp2(8 - tones.bits)[:, None]
    table = (byte / step).floor() * step
    solarized = torch.where(byte >= tones.threshold[:, None] * BYTE - FLAT, BYTE - byte, byte)
    table = torch.where(tones.solarize[:, None], solarized, table)
    table = torch.where(tones.equalize[:, None, None], _equalizing(pixels), table[:, None, :])
    return (table / BYTE).gather(2, pixels).view_as(images)


def _equalizing(pixels: Tensor) -> Tensor:
    """[B, C, 256]: the table after which every level of `pixels` (int64 [B, C, n]) is about as frequent as any other.

    Pillow's `ImageOps.equalize`, in whole numbers.
    """
    counts = torch.zeros(*pixels.shape[:2], BYTE + 1, dtype=torch.int64, device=pixels.device)
    counts.scatter_add_(2, pixels, torch.ones_like(pixels))
    upto = counts.cumsum(dim=2)
    lightest = counts.gather(2, pixels.amax(dim=2, keepdim=True))
    step = (pixels.shape[2] - lightest) // BYTE
    table = ((upto - counts + step // 2) // step.clamp(min=1)).clamp(max=BYTE)
    return torch.where(step > 0, table, torch.arange(BYTE + 1, device=pixels.device)).float()


def _wide(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)

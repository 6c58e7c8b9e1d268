"""Colours of a batch [B, C, H, W], C 1 or 3, levels 0..1, changed image by image.

References: ColorJitter, RandomGrayscale and the `adjust_...` functions of torchvision.transforms.v2, on float images.
"""

import torch
from torch import Tensor

from trainer.augment.draws import happens, uniform


def colour_jitter(
    images: Tensor, brightness: float, contrast: float, saturation: float, hue: float, draw: torch.Generator
) -> Tensor:
    """Brightness, contrast, saturation, hue in this order, by factors (a part of the circle for hue) drawn evenly."""
    count, channels = images.shape[:2]

    def factor(strength: float) -> Tensor:
        return uniform(draw, 1 - strength, 1 + strength, count)

    if brightness:
        images = blended(images, torch.zeros((), device=images.device), factor(brightness))
    if contrast:
        images = blended(images, grey(images).mean(dim=(1, 2, 3), keepdim=True), factor(contrast))
    if saturation and channels == 3:
        images = blended(images, grey(images), factor(saturation))
    if hue and channels == 3:
        images = hue_turned(images, uniform(draw, -hue, hue, count))
    return images


def greyed(images: Tensor, p: float, draw: torch.Generator) -> Tensor:
    """Each image without its colours with probability `p`."""
    return torch.where(happens(draw, p, len(images)).view(-1, 1, 1, 1), grey(images), images)


def grey(images: Tensor) -> Tensor:
    """[B, 1, H, W]: the luma of RGB (ITU-R 601-2, as Pillow and torchvision); a grey image as it is."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.split(1, dim=1)
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def blended(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """`factor` [B] of the image and 1 - `factor` of the other, cut to 0..1."""
    factor = factor.view(-1, 1, 1, 1)
    return (images * factor + other * (1 - factor)).clamp_(0, 1)


def hue_turned(images: Tensor, part: Tensor) -> Tensor:
    """RGB with the hue moved by `part` [B] of the colour circle; value and saturation of HSV stay."""
    red, green, blue = images.unbind(1)
    low, value = images.aminmax(dim=1)
    chroma = value - low
    divisor = chroma.clamp(min=1e-12)  # no chroma, no hue: the numerators are 0 too
    sector = torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4)
    sector = torch.where(value == red, (green - blue) / divisor, sector) + 6 * part.view(-1, 1, 1)
    # The closed form of HSV to RGB: channel n is value - chroma * max(0, min(k, 4 - k, 1)), k = (n + sector) mod 6.
    turned = []
    for channel in (5, 3, 1):
        k = (sector + channel).remainder_(6)
        turned.append(value - chroma * torch.minimum(k, 4 - k).clamp_(0, 1))
    return torch.stack(turned, dim=1)

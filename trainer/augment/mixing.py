"""Images of a batch mixed with partners from a permutation of it, and their labels with them."""

import torch
from torch import Tensor

from trainer.augment.boxes import Boxes, covered
from trainer.augment.draws import beta
from trainer.batch import Batch


def mixup(images: Tensor, labels: Tensor, alpha: float, draw: torch.Generator) -> Batch:
    """Each image keeps a share from Beta(alpha, alpha), the rest is its partner (timm's Mixup, mode "elem")."""
    partner = torch.randperm(len(images), generator=draw, device=draw.device)
    share = beta(draw, alpha, len(images))
    return Batch(torch.lerp(images[partner], images, share.view(-1, 1, 1, 1)), labels, (labels[partner], share))


def cutmix(images: Tensor, labels: Tensor, alpha: float, draw: torch.Generator) -> Batch:
    """Each image, a square, loses a box of area 1 - share to its partner, the share drawn from Beta(alpha, alpha).

    The box is centred on any pixel and may reach out of the image; the share of the label is what then is left of the
    image (timm's CutMix, mode "elem", corrected share).
    """
    count, side = len(images), images.shape[3]
    partner = torch.randperm(count, generator=draw, device=draw.device)
    length = ((1 - beta(draw, alpha, count)).sqrt() * side).long()
    centre = torch.randint(0, side, (2, count), generator=draw, device=draw.device)
    first, end = (centre - length // 2).clamp_(min=0), (centre + (length + 1) // 2).clamp_(max=side)
    boxes = Boxes(*first, *(end - first))
    share = 1 - boxes.height * boxes.width / side**2
    return Batch(torch.where(covered(boxes, side), images[partner], images), labels, (labels[partner], share))

"""The fixed enlarged set: the originals and some versions of each, drawn once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.augment.pipeline import pipeline
from trainer.augment_choices import Hard
from trainer.custom import Files

CHUNK = 256  # images changed at a time; another number would draw another set


@dataclass(frozen=True)
class Enlarged:
    """Version 0 is the original. n images, V = copies + 1 versions, all on one device."""

    images: Tensor  # uint8 [V, n, C, size, size]
    blends: tuple[Tensor, Tensor] | None = None  # partner labels int64 [V, n], the label's own shares float32 [V, n]

    def batch(self, version: Tensor, position: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """(images uint8 [B, C, size, size], blend) of the images at `position` [B], each in its `version` [B]."""
        if self.blends is None:
            return self.images[version, position], None
        partner, share = self.blends
        return self.images[version, position], (partner[version, position], share[version, position])


def enlarge(
    hard: Hard,
    stored: Tensor,
    sized: Tensor,
    labels: Tensor,
    draw: torch.Generator,
    size: int,
    mean: Tensor,
    files: Files,
) -> Enlarged:
    """`hard.copies` versions of each image, made by `hard.of` from `stored`, after the originals `sized`.

    `stored` uint8 [n, C, H, H] and `sized` uint8 [n, C, size, size] (the same tensor but for augmentations that crop),
    `labels` [n], `mean` [C] as for `pipeline`, all on the device of `draw`. Versions are rounded to whole bytes.
    """
    change = pipeline(hard.of, size, mean, files)
    count, versions = len(labels), hard.copies + 1
    images = sized.new_empty((versions, *sized.shape))
    images[0] = sized
    partners, shares = labels.expand(versions, -1).clone(), torch.ones(versions, count, device=labels.device)
    blends = None
    for version in range(1, versions):
        # Data often lie class by class: without an order of its own, a chunk would hold few partners of other classes.
        for rows in torch.randperm(count, generator=draw, device=draw.device).split(CHUNK):
            batch = change(stored[rows].to(torch.float32).div_(255), labels[rows], draw)
            images[version, rows] = batch.images.mul(255).round_().clamp_(0, 255).to(torch.uint8)
            if batch.blend is not None:
                blends = partners, shares
                partners[version, rows], shares[version, rows] = batch.blend
    return Enlarged(images, blends)

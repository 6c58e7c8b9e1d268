"""From the augmentation a recipe names to a function on batches.

Every draw is made per image from the given generator, and nothing waits for the device.
"""

from collections.abc import Callable
from typing import TypeAlias, assert_never

import torch
from torch import Tensor

from trainer.augment.colour import colour_jitter, greyed
from trainer.augment.erasing import cutout, random_erasing
from trainer.augment.geometric import affine, flip, rotation, shift
from trainer.augment.mixing import cutmix, mixup
from trainer.augment.own import Change, own
from trainer.augment.policy import rand_augment, trivial_augment
from trainer.augment.separable import blur, random_resized_crop, reflected
from trainer.augment_choices import (
    Affine,
    Augment,
    Blur,
    Chain,
    ColourJitter,
    CustomAugment,
    CutMix,
    Cutout,
    Flip,
    Grey,
    Hard,
    Mixup,
    NoAugment,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Shift,
    TrivialAugment,
)
from trainer.batch import Batch
from trainer.custom import Files

Pipeline: TypeAlias = Callable[[Tensor, Tensor, torch.Generator], Batch]


def pipeline(augment: Augment, size: int, mean: Tensor, files: Files) -> Pipeline:
    """`augment` as a function (images, labels [B], generator) -> Batch, that of `of` for Hard.

    Images are float32 [B, C, H, H], levels 0..1, C 1 or 3, H = size but for augmentations that crop, on the device of
    `mean` [C], the colour that stands for nothing, and of the generator. Those of the batch are new or the same tensor,
    never written to, float32 [B, C, size, size] of 0..1, contiguous. CustomError if code of the user's own is no good.
    """
    match augment:
        case NoAugment():
            return lambda images, labels, draw: Batch(images, labels)
        case Hard(of=of):
            return pipeline(of, size, mean, files)
        case Chain(steps=steps):
            return _in_turn([pipeline(step, size, mean, files) for step in steps])
        case Flip(p=p):
            return _alone(lambda images, draw: flip(images, p, draw))
        case Shift(fraction=fraction):
            return _alone(lambda images, draw: shift(images, fraction, draw))
        case RandomResizedCrop(scale=scale):
            return _alone(lambda images, draw: random_resized_crop(images, size, scale, draw))
        case Rotation(degrees=degrees):
            return _alone(lambda images, draw: rotation(images, degrees, mean, draw))
        case Affine(degrees=degrees, translate=translate, scale=scale, shear=shear):
            return _alone(lambda images, draw: affine(images, degrees, translate, scale, shear, mean, draw))
        case ColourJitter(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue):
            return _alone(lambda images, draw: colour_jitter(images, brightness, contrast, saturation, hue, draw))
        case Grey(p=p):
            return _alone(lambda images, draw: greyed(images, p, draw))
        case Blur(p=p, sigma=sigma):
            taps = reflected(size, sigma, mean.device)
            return _alone(lambda images, draw: blur(images, p, sigma, taps, draw))
        case Cutout(fraction=fraction):
            return _alone(lambda images, draw: cutout(images, fraction, mean, draw))
        case RandomErasing(p=p, area=area):
            return _alone(lambda images, draw: random_erasing(images, p, area, mean, draw))
        case TrivialAugment():
            return _alone(lambda images, draw: trivial_augment(images, mean, draw))
        case RandAugment(operations=operations, magnitude=magnitude):
            return _alone(lambda images, draw: rand_augment(images, operations, magnitude, mean, draw))
        case CustomAugment():
            return _alone(own(augment, size, mean, files))
        case Mixup(alpha=alpha):
            return lambda images, labels, draw: mixup(images, labels, alpha, draw)
        case CutMix(alpha=alpha):
            return lambda images, labels, draw: cutmix(images, labels, alpha, draw)
        case _:
            assert_never(augment)


def _alone(change: Change) -> Pipeline:
    """Each image for itself; labels stay."""

    def run(images: Tensor, labels: Tensor, draw: torch.Generator) -> Batch:
        with torch.no_grad():
            return Batch(change(images, draw).contiguous(), labels)

    return run


def _in_turn(parts: list[Pipeline]) -> Pipeline:
    def run(images: Tensor, labels: Tensor, draw: torch.Generator) -> Batch:
        batch = Batch(images, labels)
        for part in parts:  # only the last one blends
            batch = part(batch.images, labels, draw)
        return batch

    return run

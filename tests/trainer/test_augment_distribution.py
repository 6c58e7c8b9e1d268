"""Drawn many times, an augmentation gives the same distribution of images as a slow reference, image by image.

Two-sample Kolmogorov-Smirnov tests of 23 numbers that sum up an image, on two pictures, with fixed seeds.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from timm.data.mixup import Mixup as TimmMixup
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import InterpolationMode

from tests.trainer.pictures import coloured, copies, digit, draw, filled
from trainer.augment import boxes
from trainer.augment.colour import grey
from trainer.augment.pipeline import pipeline
from trainer.recipe import (
    Affine,
    Blur,
    Chain,
    ColourJitter,
    CutMix,
    Cutout,
    Flip,
    Grey,
    Mixup,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Shift,
    Step,
    TrivialAugment,
)

COUNT, SIDE, STORED = 800, 32, 44
BOXES = 6000
SIGNIFICANCE = 1e-3  # that one of all comparisons of an augmentation fails by chance
BILINEAR = InterpolationMode.BILINEAR
COLOURS = {1: [0.3], 3: [0.4, 0.5, 0.6]}


def numbers(images: Tensor) -> Tensor:
    """[B, 23] of images [B, C, H, W], to three digits: differences of interpolation are not to be seen."""
    light = grey(images)[:, 0]
    place = torch.arange(SIDE) / SIDE
    total = light.sum((1, 2)) + 1
    steps = light.diff(dim=1).abs().mean((1, 2)), light.diff(dim=2).abs().mean((1, 2))
    extremes = light.amin((1, 2)), light.amax((1, 2)), light.std((1, 2))
    centre = (light.sum(2) @ place) / total, (light.sum(1) @ place) / total
    fields = light.unfold(1, 8, 8).unfold(2, 8, 8).mean((3, 4)).flatten(1)[:, [0, 3, 5, 6, 9, 10, 12, 15]]
    colour = images.mean((2, 3)).expand(-1, 3)
    spread = (images.amax(1) - images.amin(1)).mean((1, 2))
    corners = images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].mean(1)
    parts = [*steps, *extremes, *centre, spread]
    return torch.cat([torch.stack(parts, 1), fields, colour, corners], dim=1).mul(1000).round()


def torchvisions(transform: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda images: torch.stack([transform(image) for image in images])


def cutout_by_hand(fill: list[float]) -> Callable[[Tensor], Tensor]:
    """DeVries and Taylor 2017, one image after the other, a quarter of the side."""

    def one(image: Tensor) -> Tensor:
        y, x = (int(torch.randint(SIDE, ())) for _ in range(2))
        result = image.clone()
        result[:, max(0, y - 4) : y + 4, max(0, x - 4) : x + 4] = torch.tensor(fill).view(-1, 1, 1)
        return result

    return torchvisions(one)


class Case(NamedTuple):
    ours: Step | Chain
    reference: Callable[[list[float]], Callable[[Tensor], Tensor]]  # of the fill colour
    stronger: Step | Chain  # must be told apart
    side: int = SIDE  # of the picture it is given


class OnBytes:
    """A policy of torchvision's that does on bytes what Pillow does on bytes, and fills as `filled` says."""

    def __init__(self, policy: Any, fill: list[float]) -> None:
        self._policy, self._fill = policy, torch.tensor(fill)
        self._plain = policy._apply_image_or_video_transform
        policy._apply_image_or_video_transform = self._apply

    def __call__(self, image: Tensor) -> Tensor:
        return self._policy(image)

    def _apply(self, image: Tensor, name: str, magnitude: float, interpolation: Any, fill: Any) -> Tensor:
        def plain(image: Tensor) -> Tensor:
            return self._plain(image, name, magnitude, interpolation, fill)

        if name in ("Posterize", "Solarize", "Equalize"):
            return plain((image * 255).round().to(torch.uint8)) / 255
        turns = name in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
        return filled(plain, self._fill)(image) if turns else plain(image)


def policy(kind: Callable[..., Any], **settings: int) -> Callable[[list[float]], Callable[[Tensor], Tensor]]:
    return lambda fill: torchvisions(OnBytes(kind(interpolation=BILINEAR, **settings), fill))


IN_ORDER = v2.Compose([v2.ColorJitter(0.3), v2.ColorJitter(0, 0.4), v2.ColorJitter(0, 0, 0.5), v2.ColorJitter(hue=0.2)])
CASES = [
    Case(Flip(), lambda fill: torchvisions(v2.RandomHorizontalFlip()), Flip(p=1)),
    Case(Shift(), lambda fill: torchvisions(v2.RandomCrop(SIDE, 4, padding_mode="edge")), Shift(fraction=0.25)),
    Case(
        RandomResizedCrop(),
        lambda fill: torchvisions(v2.RandomResizedCrop(SIDE, (0.35, 1))),
        RandomResizedCrop(scale=0.1),
        STORED,
    ),
    Case(
        Rotation(),
        lambda fill: torchvisions(filled(v2.RandomRotation([-15, 15], BILINEAR, fill=None), torch.tensor(fill))),
        Rotation(degrees=30),
    ),
    Case(
        Affine(scale=0.3, shear=20),
        lambda fill: torchvisions(
            filled(v2.RandomAffine([-10, 10], (0.1, 0.1), (0.7, 1.3), 20, BILINEAR, fill=None), torch.tensor(fill))
        ),
        Affine(scale=0.3, shear=20, translate=0.2),
    ),
    Case(
        ColourJitter(brightness=0.3, contrast=0.4, saturation=0.5, hue=0.2),
        lambda fill: torchvisions(IN_ORDER),
        ColourJitter(brightness=0.6, contrast=0.4, saturation=0.5, hue=0.2),
    ),
    Case(Grey(), lambda fill: torchvisions(v2.RandomGrayscale(0.2)), Grey(p=0.5)),
    Case(
        Blur(),
        lambda fill: torchvisions(v2.RandomApply([v2.GaussianBlur(13, (0.1, 2.0))], p=0.5)),
        Blur(sigma=4, p=0.5),
    ),
    Case(Cutout(), cutout_by_hand, Cutout(fraction=0.5)),
    Case(
        RandomErasing(),
        lambda fill: torchvisions(v2.RandomErasing(0.5, (0.02, 0.33), (0.3, 3.3), value=fill)),  # pyright: ignore[reportArgumentType]
        RandomErasing(area=0.66),
    ),
    Case(TrivialAugment(), policy(v2.TrivialAugmentWide), Chain(steps=(TrivialAugment(), TrivialAugment()))),
    Case(RandAugment(), policy(v2.RandAugment, num_ops=2, magnitude=15), RandAugment(magnitude=10)),
    Case(
        Chain(steps=(RandomResizedCrop(), Flip(), RandAugment(operations=1, magnitude=8))),
        lambda fill: torchvisions(
            v2.Compose(
                [
                    v2.RandomResizedCrop(SIDE, (0.35, 1)),
                    v2.RandomHorizontalFlip(),
                    OnBytes(v2.RandAugment(1, 24, interpolation=BILINEAR), fill),
                ]
            )
        ),
        Chain(steps=(RandomResizedCrop(), Flip(), RandAugment(operations=2, magnitude=8))),
        STORED,
    ),
]
case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.ours.label)


def likeness(one: Tensor, other: Tensor) -> float:
    """The smallest p over the columns of [n, k], times k: the chance that equal distributions look as different."""
    pairs = zip(one.T.numpy(), other.T.numpy(), strict=True)
    return min(float(ks_2samp(a, b, method="asymp").pvalue) for a, b in pairs) * one.shape[1]  # pyright: ignore[reportAttributeAccessIssue]


def drawn(augment: Step | Chain, picture: Tensor, seed: int) -> Tensor:
    mean = torch.tensor(COLOURS[len(picture)])
    labels = torch.zeros(COUNT, dtype=torch.int64)
    return numbers(pipeline(augment, SIDE, mean, {})(copies(picture, COUNT), labels, draw(seed)).images)


def referred(case: Case, picture: Tensor, seed: int) -> Tensor:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return numbers(case.reference(COLOURS[len(picture)])(copies(picture, COUNT)))


@pytest.mark.parametrize("channels", [1, 3])
@case
def test_an_augmentation_draws_as_the_reference_does(case: Case, channels: int) -> None:
    picture = coloured(side=case.side) if channels == 3 else digit(side=case.side)
    assert likeness(drawn(case.ours, picture, 1), referred(case, picture, 2)) > SIGNIFICANCE


@case
def test_a_stronger_setting_would_be_noticed(case: Case) -> None:
    picture = coloured(side=case.side)
    assert likeness(drawn(case.stronger, picture, 1), referred(case, picture, 2)) < SIGNIFICANCE / 1000


@pytest.mark.parametrize(
    ("drawn", "reference"),
    [
        (lambda: boxes.crops(draw(1), BOXES, SIDE, 0.1), v2.RandomResizedCrop(SIDE, (0.1, 1))),
        (lambda: boxes.crops(draw(1), BOXES, SIDE, 0.9), v2.RandomResizedCrop(SIDE, (0.9, 1))),  # some tries do not fit
        (lambda: boxes.holes(draw(1), BOXES, SIDE, 0.33), v2.RandomErasing(scale=(0.02, 0.33))),
        (lambda: boxes.holes(draw(1), BOXES, SIDE, 0.95), v2.RandomErasing(scale=(0.02, 0.95))),
    ],
)
def test_boxes_are_drawn_as_torchvisions(drawn: Callable[[], boxes.Boxes], reference: Any) -> None:
    def numbers_of(top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
        ratio = ((height + 0.5) / (width + 0.5)).log()
        return torch.stack([top, left, height, width, height * width, ratio, top + height, left + width], dim=1)

    picture = [torch.zeros(3, SIDE, SIDE)]
    with torch.random.fork_rng():
        torch.manual_seed(2)
        each = [reference.make_params(picture) for _ in range(BOXES)]
    names = ("top", "left", "height", "width") if "top" in each[0] else ("i", "j", "h", "w")
    expected = numbers_of(*(torch.tensor([float(box[name]) for box in each]) for name in names))
    assert likeness(numbers_of(*(part.float() for part in drawn())), expected) > SIGNIFICANCE


@pytest.mark.parametrize(("ours", "alphas", "stronger"), [(Mixup(), (0.2, 0), 1.0), (CutMix(), (0, 1.0), 0.05)])
def test_mixing_draws_as_timm_image_by_image(
    ours: Mixup | CutMix, alphas: tuple[float, float], stronger: float
) -> None:
    count = 2 * COUNT
    both = torch.cat([copies(coloured(1), count), copies(coloured(5), count)])
    labels = torch.arange(2 * count) // count

    def mixed(augment: Mixup | CutMix) -> Tensor:
        batch = pipeline(augment, SIDE, torch.full((3,), 0.5), {})(both, labels, draw(1))
        assert batch.blend is not None
        partner, share = batch.blend
        zeroth = torch.where(labels == 0, share, 0) + torch.where(partner == 0, 1 - share, 0)
        return torch.cat([numbers(batch.images), zeroth.mul(1000).round()[:, None]], dim=1)

    np.random.seed(2)
    order = torch.randperm(2 * count, generator=draw(2))  # timm pairs the first with the last
    theirs = TimmMixup(*alphas, mode="elem", label_smoothing=0, num_classes=2)
    images, targets = theirs(both[order], labels[order])
    expected = torch.cat([numbers(images), targets[:, :1].mul(1000).round()], dim=1)
    assert likeness(mixed(ours), expected) > SIGNIFICANCE
    assert likeness(mixed(ours.model_copy(update={"alpha": stronger})), expected) < SIGNIFICANCE / 1000

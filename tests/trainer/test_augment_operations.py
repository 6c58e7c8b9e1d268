"""What one augmentation does to an image, at given settings, is what torchvision does to it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import InterpolationMode, functional

from tests.trainer.pictures import coloured, copies, digit, draw, filled, in_bytes
from trainer.augment.colour import blended, grey, hue_turned
from trainer.augment.erasing import cutout, random_erasing
from trainer.augment.geometric import affine, affine_matrix, flip, rotated, shift, warped
from trainer.augment.mixing import cutmix, mixup
from trainer.augment.policy import Operation, Ranges, operated, rand_ranges, trivial_augment, trivial_ranges
from trainer.augment.separable import blurring, filtered, reflected, resizing

SIDE, COUNT = 32, 512
BILINEAR = InterpolationMode.BILINEAR
FILL = torch.tensor([0.4, 0.5, 0.6])
IMAGES = torch.stack([coloured(seed) for seed in range(8)])
FACTORS = torch.linspace(0, 2, 8)
DEGREES = torch.linspace(-170, 170, 8)
LABELS = torch.arange(COUNT) % 7


def each(change: Callable[..., Tensor], *settings: Tensor) -> Tensor:
    """`change(image, its settings)` one image after the other."""
    return torch.stack([change(image, *of) for image, *of in zip(IMAGES, *(s.tolist() for s in settings), strict=True)])


def test_a_rotation_is_torchvisions() -> None:
    expected = each(filled(lambda image, angle: functional.rotate(image, angle, BILINEAR), FILL), DEGREES)
    torch.testing.assert_close(rotated(IMAGES, DEGREES, FILL), expected, atol=1e-5, rtol=0)


def test_an_affine_map_is_torchvisions() -> None:
    right = torch.tensor([0.0, 1, -3, 5, 0, -2, 2, 2])
    down, scale, shear = right.flip(0) - 1, torch.linspace(0.7, 1.4, 8), torch.linspace(-20, 20, 8)

    def one(image: Tensor, angle: float, x: float, y: float, size: float, slope: float) -> Tensor:
        return functional.affine(image, angle, [int(x), int(y)], size, [slope, 0.0], BILINEAR)

    expected = each(filled(one, FILL), DEGREES, right, down, scale, shear)
    actual = warped(IMAGES, affine_matrix(DEGREES, right, down, scale, shear), FILL)
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [8, 20, 32, 48])
def test_a_resized_crop_is_torchvisions_with_antialiasing(size: int) -> None:
    top, height = torch.tensor([0, 3, 5, 1, 0, 0, 7, 2]), torch.tensor([32, 20, 10, 31, 5, 1, 25, 30])
    left, width = torch.tensor([2, 7, 0, 0, 1, 5, 3, 0]), torch.tensor([25, 25, 27, 30, 31, 27, 3, 8])
    expected = each(
        lambda image, y, x, h, w: functional.resized_crop(image, y, x, h, w, [size, size], antialias=True),
        top,
        left,
        height,
        width,
    )
    actual = filtered(IMAGES, resizing(top, height, SIDE, size), resizing(left, width, SIDE, size))
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("widest", [0.5, 2.0, 10.0])
def test_a_blur_is_torchvisions(widest: float) -> None:
    sigma = torch.linspace(0.1, widest, 8)
    taps = reflected(SIDE, widest, torch.device("cpu"))
    weights = blurring(sigma, taps)
    expected = each(lambda image, s: functional.gaussian_blur(image, [len(taps)] * 2, [s]), sigma)
    torch.testing.assert_close(filtered(IMAGES, weights, weights), expected, atol=1e-5, rtol=0)
    assert len(taps) >= min(6 * widest, 2 * SIDE - 1)


def test_colours_change_as_torchvisions() -> None:
    pairs = [
        (blended(IMAGES, torch.zeros(()), FACTORS), functional.adjust_brightness),
        (blended(IMAGES, grey(IMAGES).mean((1, 2, 3), keepdim=True), FACTORS), functional.adjust_contrast),
        (blended(IMAGES, grey(IMAGES), FACTORS), functional.adjust_saturation),
    ]
    for actual, reference in pairs:
        torch.testing.assert_close(actual, each(reference, FACTORS), atol=1e-5, rtol=0)
    part = torch.linspace(-0.5, 0.5, 8)
    torch.testing.assert_close(hue_turned(IMAGES, part), each(functional.adjust_hue, part), atol=1e-5, rtol=0)


TRIVIAL, RAND = trivial_ranges(SIDE), rand_ranges(SIDE)
# torchvision's float32 lists of strengths fall short of 16 pixels and of 51 bytes by a rounding error.
LEVELS = [0, 1, 7, 14, 23, 29, 30]


@pytest.mark.parametrize("operation", list(Operation), ids=lambda operation: operation.name.lower())
@pytest.mark.parametrize(("policy", "ranges"), [(v2.TrivialAugmentWide, TRIVIAL), (v2.RandAugment, RAND)])
def test_an_operation_of_the_policies_is_torchvisions(policy: type, ranges: Ranges, operation: Operation) -> None:
    name, (strengths, signed) = list(policy._AUGMENTATION_SPACE.items())[operation]
    steps, reference = strengths(31, SIDE, SIDE), policy(interpolation=BILINEAR)
    turns = Operation.SHEAR_X <= operation <= Operation.ROTATE
    for level in LEVELS:
        for sign in (1, -1) if signed else (1,):
            strength = torch.full((8,), level / 30)
            actual = operated(IMAGES, torch.full((8,), int(operation)), strength, sign * strength, ranges, FILL)
            magnitude = 0.0 if steps is None else sign * float(steps[level])

            def one(image: Tensor, magnitude: float = magnitude) -> Tensor:
                return reference._apply_image_or_video_transform(image, name, magnitude, BILINEAR, {Tensor: None})

            if operation in (Operation.POSTERIZE, Operation.SOLARIZE, Operation.EQUALIZE):
                expected = each(lambda image: one((image * 255).round().to(torch.uint8)) / 255)
            else:
                expected = each(filled(one, FILL) if turns else one)
            torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_trivial_augment_moves_no_further_than_the_image() -> None:
    assert trivial_ranges(16).translate == 16
    assert trivial_ranges(224).translate == 32


def test_operations_of_one_batch_do_not_mix() -> None:
    operation = torch.arange(len(Operation))
    images, strength = copies(coloured(), len(operation)), torch.full((len(operation),), 0.7)
    together = operated(images, operation, strength, -strength, RAND, FILL)
    for number in range(len(operation)):
        alone = operated(images[:1], operation[number : number + 1], strength[:1], -strength[:1], RAND, FILL)
        torch.testing.assert_close(together[number], alone[0], atol=1e-6, rtol=0)
    assert len({image.numpy().tobytes() for image in together}) == len(Operation)


def test_stretching_the_contrast_leaves_rounding_errors_alone() -> None:
    flat = 0.5 + 1e-6 * torch.rand(8, 3, SIDE, SIDE, generator=draw())
    still = torch.zeros(8)
    stretched = operated(flat, torch.full((8,), int(Operation.AUTOCONTRAST)), still, still, RAND, FILL)
    torch.testing.assert_close(stretched, flat, atol=1e-5, rtol=0)


def test_flip_mirrors_the_asked_share_left_to_right() -> None:
    images = copies(coloured(), COUNT)
    batch = flip(images, 0.25, draw())
    turned = [torch.equal(image, images[0].flip(2)) for image in batch]
    assert all(flipped or torch.equal(image, images[0]) for flipped, image in zip(turned, batch, strict=True))
    assert 0.18 < sum(turned) / COUNT < 0.32


def test_shift_moves_by_every_whole_number_of_pixels_up_to_the_limit_and_repeats_the_border() -> None:
    rows = copies(torch.arange(16.0).view(1, 16, 1).expand(1, 16, 16), COUNT)
    moved = shift(rows, 0.125, draw())
    offsets = {tuple(column) for column in moved[:, 0, :, 0].tolist()}
    expected = {tuple(min(max(row + offset, 0), 15) for row in range(16)) for offset in range(-2, 3)}
    assert offsets == {tuple(map(float, column)) for column in expected}


def test_shift_moves_both_ways_independently() -> None:
    moved = shift(copies(coloured(side=16), COUNT), 0.125, draw())
    assert len({image.numpy().tobytes() for image in moved}) == 5 * 5  # 1/8 of 16 is 2


def test_an_affine_map_moves_by_whole_pixels() -> None:
    picture = coloured()
    moved = affine(copies(picture, COUNT), 0, 0.1, 0, 0, FILL, draw())
    seen = {image.mul(255).round().to(torch.uint8).numpy().tobytes() for image in moved}
    assert len(seen) == 7 * 7  # a tenth of 32 is 3
    assert in_bytes(picture).mul(255).to(torch.uint8).numpy().tobytes() in seen


def test_trivial_augment_draws_its_strongest_steps() -> None:
    images = trivial_augment(copies(coloured(), 3000), FILL, draw())
    outside = (images - FILL.view(3, 1, 1)).abs().amax(dim=(1, 2, 3)) < 1e-4  # moved by 32 pixels
    assert 3 <= outside.sum() <= 30  # 2 of 14 operations, 1 of 31 steps


def test_cutout_paints_one_square_of_the_fill_colour_per_image() -> None:
    painted = cutout(copies(digit(side=16) * 0.3, COUNT), 0.25, torch.tensor([0.7]), draw())
    holes = painted[:, 0] == 0.7
    areas = holes.sum(dim=(1, 2))
    assert areas.max() == 16
    assert areas.min() >= 4  # a corner may lie outside
    for hole in holes[:20]:
        assert torch.equal(hole, hole.any(dim=1)[:, None] & hole.any(dim=0)[None, :])


def test_random_erasing_leaves_the_asked_share_alone() -> None:
    images = copies(coloured(), COUNT)
    erased = random_erasing(images, 0.25, 0.33, FILL, draw())
    assert 0.18 < (erased != images).any(dim=(1, 2, 3)).float().mean() < 0.32


def test_mixup_blends_images_as_it_blends_labels() -> None:
    # An image that is its own label: after blending, each must be the blend that the labels tell.
    images = LABELS.float().view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous() / 7
    batch = mixup(images, LABELS, 0.5, draw())
    assert batch.blend is not None
    partner, share = batch.blend
    told = (share * LABELS + (1 - share) * partner) / 7
    torch.testing.assert_close(batch.images[:, 0, 0, 0], told, atol=1e-5, rtol=0)
    assert share.min() >= 0 and share.max() <= 1
    assert len(set(share.tolist())) > COUNT * 0.9


def test_cutmix_pastes_the_area_that_the_labels_tell() -> None:
    images = LABELS.float().view(-1, 1, 1, 1).expand(-1, 3, 16, 16).contiguous() / 7
    batch = cutmix(images, LABELS, 1.0, draw())
    assert batch.blend is not None
    partner, share = batch.blend
    told = (share * LABELS + (1 - share) * partner) / 7
    torch.testing.assert_close(batch.images.mean(dim=(1, 2, 3)), told, atol=1e-5, rtol=0)
    assert share.min() >= 0 and share.max() <= 1
    heights = set()
    for image, own, other in zip(batch.images[:, 0] * 7, LABELS, partner, strict=True):
        pasted = (image - own).abs() > 0.5
        rows, columns = pasted.any(dim=1), pasted.any(dim=0)
        assert torch.equal(pasted, rows[:, None] & columns[None, :])  # one box
        assert ((image - other).abs() < 0.5)[pasted].all()
        if not (rows[0] or rows[-1]):
            heights.add(int(rows.sum()))
    assert heights >= set(range(1, 12))  # odd and even ones, where the border cuts nothing off


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 10.0])
def test_mixup_shares_follow_the_beta_distribution(alpha: float) -> None:
    generator, labels = draw(), torch.zeros(10_000, dtype=torch.int64)
    blend = mixup(torch.zeros(10_000, 1, 1, 1), labels, alpha, generator).blend
    assert blend is not None
    share = blend[1]
    assert share.isfinite().all()
    assert share.mean().item() == pytest.approx(0.5, abs=0.02)
    assert share.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)

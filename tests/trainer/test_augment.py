import pytest
import torch
from torch import Tensor

from trainer.augment import augmented
from trainer.recipe import Augment, Cutout, Flip, Mixup, NoAugment, Shift

CPU = torch.device("cpu")
ALL = [NoAugment(), Flip(), Shift(), Cutout(), Mixup()]
COUNT = 512


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator(CPU).manual_seed(seed)


def same_images() -> Tensor:
    """One image, many times: what differs afterwards was drawn per image."""
    return torch.randn(1, 3, 12, 16, generator=draw(1)).expand(COUNT, -1, -1, -1).contiguous()


LABELS = torch.arange(COUNT) % 7


@pytest.mark.parametrize("augment", ALL, ids=lambda augment: augment.kind)
def test_shape_dtype_and_range_stay(augment: Augment) -> None:
    images = same_images()
    batch = augmented(augment, images.clone(), LABELS, draw())
    assert batch.images.shape == images.shape
    assert batch.images.dtype == images.dtype
    assert batch.images.min() >= images.min() - 1e-6
    assert batch.images.max() <= images.max() + 1e-6
    assert torch.equal(batch.labels, LABELS)
    assert (batch.blend is not None) == isinstance(augment, Mixup)


@pytest.mark.parametrize("augment", ALL, ids=lambda augment: augment.kind)
def test_the_given_images_are_not_written_to_and_equal_draws_repeat(augment: Augment) -> None:
    images = same_images()
    before = images.clone()
    one, other = (augmented(augment, images, LABELS, draw(4)).images for _ in range(2))
    assert torch.equal(images, before)
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("augment", "fewest"), [(Flip(), 2), (Shift(), 15), (Cutout(), 150)], ids=["flip", "shift", "cutout"]
)
def test_each_image_has_a_draw_of_its_own(augment: Augment, fewest: int) -> None:
    images = augmented(augment, same_images(), LABELS, draw()).images
    assert len({image.numpy().tobytes() for image in images}) >= fewest


def test_flip_mirrors_the_asked_share_left_to_right() -> None:
    images = same_images()
    batch = augmented(Flip(p=0.25), images, LABELS, draw()).images
    turned = [torch.equal(image, images[0].flip(2)) for image in batch]
    assert all(flipped or torch.equal(image, images[0]) for flipped, image in zip(turned, batch, strict=True))
    assert 0.18 < sum(turned) / COUNT < 0.32


def test_shift_moves_by_every_whole_number_of_pixels_up_to_the_limit_and_repeats_the_border() -> None:
    rows = torch.arange(16.0).view(1, 1, 16, 1).expand(COUNT, 1, 16, 16).contiguous()
    moved = augmented(Shift(fraction=0.125), rows, LABELS, draw()).images
    offsets = {tuple(column) for column in moved[:, 0, :, 0].tolist()}
    expected = {tuple(min(max(row + offset, 0), 15) for row in range(16)) for offset in range(-2, 3)}
    assert offsets == {tuple(map(float, column)) for column in expected}


def test_shift_moves_both_ways_independently() -> None:
    batch = augmented(Shift(), same_images(), LABELS, draw()).images
    assert len({image.numpy().tobytes() for image in batch}) == (2 * 2 + 1) * (2 * 2 + 1)  # 1/8 of 12 and of 16 is 2


def test_cutout_paints_one_square_of_mean_colour_per_image() -> None:
    images = torch.ones(COUNT, 3, 16, 16)
    holes = augmented(Cutout(fraction=0.25), images, LABELS, draw()).images == 0
    assert (holes.all(dim=1) == holes.any(dim=1)).all()
    areas = holes[:, 0].sum(dim=(1, 2))
    assert areas.max() == 16
    assert areas.min() >= 4  # a corner may lie outside
    for hole in holes[:20, 0]:
        assert torch.equal(hole, hole.any(dim=1)[:, None] & hole.any(dim=0)[None, :])


def test_mixup_blends_images_as_it_blends_labels() -> None:
    # An image that is its own label: after blending, each must be the blend that the labels tell.
    images = LABELS.float().view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()
    batch = augmented(Mixup(alpha=0.5), images, LABELS, draw())
    assert batch.blend is not None
    partner, share = batch.blend
    told = share * LABELS + (1 - share) * partner
    assert torch.allclose(batch.images[:, 0, 0, 0], told, atol=1e-5)
    assert share.min() >= 0 and share.max() <= 1
    assert len(set(share.tolist())) > COUNT * 0.9


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 10.0])
def test_mixup_shares_follow_the_beta_distribution(alpha: float) -> None:
    shares = []
    for seed in range(20):
        blend = augmented(Mixup(alpha=alpha), torch.zeros(COUNT, 1, 1, 1), LABELS, draw(seed)).blend
        assert blend is not None
        shares.append(blend[1])
    share = torch.cat(shares)
    assert share.isfinite().all()
    assert share.mean().item() == pytest.approx(0.5, abs=0.02)
    assert share.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)

"""The fixed enlarged set."""

import pytest
import torch
from torch import Tensor

from tests.trainer.pictures import coloured, copies, draw
from trainer.augment.hard import Enlarged, enlarge
from trainer.recipe import Affine, Chain, CutMix, Flip, Hard, Mixup, RandomResizedCrop, Rotation

COUNT, SIZE, STORED = 600, 16, 24  # several chunks
MEAN = torch.tensor([0.4, 0.5, 0.6])
LABELS = torch.arange(COUNT) // 300  # class by class, as in a folder, more than a chunk each


def in_bytes(images: Tensor) -> Tensor:
    return (images * 255).round().to(torch.uint8)


STORED_IMAGES = in_bytes(torch.stack([coloured(seed, STORED) for seed in range(COUNT)]))
SIZED_IMAGES = in_bytes(torch.stack([coloured(seed, SIZE) for seed in range(COUNT)]))


def enlarged(hard: Hard, seed: int = 0, images: Tensor = SIZED_IMAGES, labels: Tensor = LABELS) -> Enlarged:
    return enlarge(hard, images, SIZED_IMAGES, labels, draw(seed), SIZE, MEAN, {})


def test_version_0_is_the_original_and_the_others_are_versions_of_it() -> None:
    whole = enlarged(Hard(of=Rotation(degrees=5), copies=3))
    assert whole.images.shape == (4, COUNT, 3, SIZE, SIZE) and whole.images.dtype == torch.uint8
    assert torch.equal(whole.images[0], SIZED_IMAGES)
    assert whole.blends is None
    original = SIZED_IMAGES.float()
    for version in whole.images[1:].float():
        assert (version != original).flatten(1).any(dim=1).float().mean() > 0.95  # small angles round to nothing
        own = (version - original).square().mean(dim=(1, 2, 3))
        foreign = (version - original.roll(1, 0)).square().mean(dim=(1, 2, 3))
        assert (own < foreign).all()
    assert not torch.equal(whole.images[1], whole.images[2])


def test_a_flip_that_is_certain_flips_every_image_once() -> None:
    whole = enlarged(Hard(of=Flip(p=1), copies=2))
    for version in whole.images[1:]:
        assert torch.equal(version, SIZED_IMAGES.flip(3))


def test_equal_draws_enlarge_equally_and_leave_other_randomness_alone() -> None:
    state, hard = torch.get_rng_state(), Hard(of=Affine(), copies=2)
    assert torch.equal(enlarged(hard, 3).images, enlarged(hard, 3).images)
    assert not torch.equal(enlarged(hard, 3).images, enlarged(hard, 4).images)
    assert torch.equal(torch.get_rng_state(), state)


def test_copies_of_one_image_are_changed_differently() -> None:
    same = in_bytes(copies(coloured(side=SIZE), COUNT))
    whole = enlarge(Hard(of=Affine(), copies=2), same, same, LABELS, draw(), SIZE, MEAN, {})
    assert len({image.numpy().tobytes() for image in whole.images[1:].flatten(0, 1)}) > 1.9 * COUNT


def test_crops_are_cut_from_the_stored_pixels() -> None:
    hard = Hard(of=RandomResizedCrop(), copies=1)
    whole = enlarged(hard, images=STORED_IMAGES)
    assert whole.images.shape == (2, COUNT, 3, SIZE, SIZE)
    dark = enlarged(hard, images=torch.zeros_like(STORED_IMAGES))
    assert torch.equal(dark.images[0], SIZED_IMAGES) and dark.images[1].max() == 0


def test_a_batch_is_the_asked_versions_of_the_asked_images() -> None:
    whole = enlarged(Hard(of=Rotation(), copies=3))
    version, position = torch.tensor([0, 3, 1, 1]), torch.tensor([7, 7, 0, 299])
    images, blend = whole.batch(version, position)
    assert blend is None
    for image, v, p in zip(images, version, position, strict=True):
        assert torch.equal(image, whole.images[v, p])


@pytest.mark.parametrize("of", [Mixup(alpha=1), CutMix(), Chain(steps=(Flip(), Mixup(alpha=1)))])
def test_blended_versions_tell_their_shares_and_the_original_is_whole(of: Mixup | CutMix | Chain) -> None:
    # An image that is its own label: each version must be the blend that the labels tell, to half a byte.
    images = (LABELS * 100).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, SIZE, SIZE).contiguous()
    whole = enlarge(Hard(of=of, copies=2), images, images, LABELS, draw(), SIZE, MEAN, {})
    for version in range(3):
        chosen, blend = whole.batch(torch.full((COUNT,), version), torch.arange(COUNT))
        assert blend is not None
        partner, share = blend
        if version == 0:
            assert (share == 1).all()
        told = 100 * (share * LABELS + (1 - share) * partner)
        torch.testing.assert_close(chosen.float().mean(dim=(1, 2, 3)), told, atol=0.51, rtol=0)
        if version > 0:  # also where the data lie class by class, partners come from everywhere
            assert 0.4 < (partner != LABELS).float().mean() < 0.6

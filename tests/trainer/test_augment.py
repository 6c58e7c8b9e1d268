"""What holds for every augmentation."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer.pictures import coloured, copies, digit, draw
from trainer.augment.pipeline import pipeline
from trainer.batch import Batch
from trainer.choice import Choice, arms_of
from trainer.recipe import (
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
    Step,
    TrivialAugment,
    crops,
)

COUNT, SIZE, STORED = 256, 24, 33
EVERYTHING = Chain(
    steps=(
        RandomResizedCrop(),
        Flip(),
        Affine(),
        ColourJitter(hue=0.1),
        RandAugment(),
        Blur(),
        RandomErasing(),
        CutMix(),
    )
)
BLENDING: list[Augment] = [Mixup(), CutMix(), Chain(steps=(Flip(), Mixup())), EVERYTHING]
# Each with how many different images must come of one image shown 256 times.
ALONE: list[tuple[Augment, int]] = [
    (Flip(), 2),
    (Shift(), 45),  # of 7 x 7
    (RandomResizedCrop(), 200),
    (Rotation(), 250),
    (Affine(), 250),
    (ColourJitter(), 250),
    (ColourJitter(hue=0.5), 250),
    (Grey(), 2),
    (Blur(), 100),
    (Cutout(), 150),
    (RandomErasing(), 80),
    (TrivialAugment(), 100),
    (RandAugment(), 60),
    (Chain(steps=(RandomResizedCrop(scale=0.08), Flip(), Cutout())), 240),
    (Hard(of=Rotation()), 250),
]
ALL: list[Augment] = [NoAugment(), *(augment for augment, _ in ALONE), *BLENDING]
LABELS = torch.arange(COUNT) % 7

every = pytest.mark.parametrize("augment", ALL, ids=lambda augment: augment.label)
every_channels = pytest.mark.parametrize("channels", [1, 3])


def side_for(augment: Augment) -> int:
    return STORED if crops(augment) else SIZE


def pictures(augment: Augment, channels: int = 3) -> Tensor:
    picture = (coloured if channels == 3 else digit)(side=side_for(augment))
    return copies(picture, COUNT)


def changed(augment: Augment, images: Tensor, seed: int = 0, size: int = SIZE) -> Batch:
    mean = torch.tensor([0.4, 0.5, 0.6])[: images.shape[1]]
    return pipeline(augment, size, mean, {})(images, LABELS[: len(images)], draw(seed))


def test_every_augmentation_of_the_recipe_is_tried_here() -> None:
    tried = {type(step) for augment in ALL for step in (augment, *getattr(augment, "steps", ()))}
    arms = {arm for arm in arms_of(Choice).values() if arm.__module__ == "trainer.augment_choices"}
    assert tried == arms - {CustomAugment}


@every_channels
@every
def test_images_come_out_in_range_in_size_and_finite(augment: Augment, channels: int) -> None:
    batch = changed(augment, pictures(augment, channels))
    assert batch.images.shape == (COUNT, channels, SIZE, SIZE)
    assert batch.images.dtype == torch.float32
    assert batch.images.is_contiguous()
    assert batch.images.isfinite().all()
    assert batch.images.min() >= 0 and batch.images.max() <= 1
    assert torch.equal(batch.labels, LABELS)
    assert (batch.blend is not None) == (augment in BLENDING)


@pytest.mark.parametrize("level", [0.0, 1.0])
@every
def test_black_and_white_images_stay_numbers(augment: Augment, level: float) -> None:
    images = torch.full((COUNT, 3, side_for(augment), side_for(augment)), level)
    batch = changed(augment, images)
    assert batch.images.isfinite().all()
    assert batch.images.min() >= 0 and batch.images.max() <= 1


@pytest.mark.parametrize("size", [4, 5])
@every
def test_the_smallest_image_sizes_are_taken(augment: Augment, size: int) -> None:
    images = copies(coloured(side=size), COUNT)
    assert changed(augment, images, size=size).images.isfinite().all()


@every
def test_the_generator_alone_decides_and_nothing_else_is_touched(augment: Augment) -> None:
    images = pictures(augment)
    before, state = images.clone(), torch.get_rng_state()
    one = changed(augment, images, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images, before)
    torch.manual_seed(99)
    again, other = changed(augment, images, seed=4), changed(augment, images, seed=5)
    torch.set_rng_state(state)
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.images, other.images) == isinstance(augment, NoAugment | Mixup | CutMix)  # of equal images


@pytest.mark.parametrize(("augment", "fewest"), ALONE, ids=lambda value: getattr(value, "label", None))
def test_each_image_has_a_draw_of_its_own(augment: Augment, fewest: int) -> None:
    images = changed(augment, pictures(augment)).images
    assert len({image.numpy().tobytes() for image in images}) >= fewest


@pytest.mark.parametrize("augment", [augment for augment, _ in ALONE], ids=lambda augment: augment.label)
def test_no_image_sees_another(augment: Augment) -> None:
    images = pictures(augment)
    changed_first = images.clone()
    changed_first[0] = 1 - changed_first[0]
    one, other = changed(augment, images).images, changed(augment, changed_first).images
    assert torch.equal(one[1:], other[1:])
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("augment", [Grey(p=1), ColourJitter(brightness=0, contrast=0, saturation=1, hue=0.5)])
def test_a_grey_image_has_no_colours_to_lose(augment: Step) -> None:
    images = pictures(augment, channels=1)
    assert torch.equal(changed(augment, images).images, images)


def test_a_chain_is_its_steps_one_after_the_other() -> None:
    images, generator, mean = pictures(Flip()), draw(3), torch.full((3,), 0.5)
    expected = images
    for step in (Rotation(), Cutout()):
        expected = pipeline(step, SIZE, mean, {})(expected, LABELS, generator).images
    chained = pipeline(Chain(steps=(Rotation(), Cutout())), SIZE, mean, {})(images, LABELS, draw(3))
    assert torch.equal(chained.images, expected)


class NotWaiting(TorchDispatchMode):
    """Refuses what would make the host wait for an accelerator: values read, sizes that depend on them, copies."""

    READS = ("_local_scalar_dense", "item", "nonzero", "masked_select", "unique", "bincount", "equal", "lift_fresh")

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = func.overloadpacket.__name__
        assert not any(name.startswith(read) for read in self.READS), f"{name} makes the host wait"
        if name in ("index", "index_put_", "index_put"):
            assert not any(index is not None and index.dtype == torch.bool for index in args[1]), "an index by bool"
        return func(*args, **(kwargs or {}))


@every
def test_nothing_waits_for_the_device(augment: Augment) -> None:
    change, images = pipeline(augment, SIZE, torch.full((3,), 0.5), {}), pictures(augment)
    with NotWaiting():
        change(images, LABELS, draw())


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x[x > 0.5],
        lambda x: float(x.sum()),
        lambda x: bool((x > 2).any()),
        lambda x: (x > 0).nonzero(),
        lambda x: x + torch.tensor([1.0]),
    ],
)
def test_waiting_would_be_noticed(waiting: Callable[[Tensor], object]) -> None:
    with pytest.raises(AssertionError), NotWaiting():
        waiting(torch.rand(4))


@pytest.mark.gpu
@every
def test_a_gpu_augments_without_waiting_and_repeats_itself(augment: Augment) -> None:
    gpu = torch.device("cuda")
    change = pipeline(augment, SIZE, torch.full((3,), 0.5, device=gpu), {})
    images, labels = pictures(augment).to(gpu), LABELS.to(gpu)
    drawn = [torch.Generator(gpu).manual_seed(1) for _ in range(2)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        one, other = (change(images, labels, generator) for generator in drawn)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert one.images.device.type == "cuda" and torch.equal(one.images, other.images)
    assert one.images.min() >= 0 and one.images.max() <= 1

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.conftest import CPU
from trainer.backbone import BackboneError, build
from trainer.data import Dataset
from trainer.failure import backbone_errors, memory_errors
from trainer.feed import Feed
from trainer.pace import Pace, measure
from trainer.pixels import Pixels
from trainer.recipe import AdamW, Cutout, Mixup, Recipe
from trainer.replicate import Replicate
from trainer.run import Run

GIBI = 2**30


def part(data: Dataset, count: int, classes: int | None = None) -> Dataset:
    """`count` of the images, under other class names if `classes` is given: each class as often as the others."""
    rows = data.development[np.arange(count) % len(data.development)]
    labels = data.labels[rows] if classes is None else torch.arange(count) % classes
    names = data.class_names if classes is None else tuple(map(str, range(classes)))
    pixels, every = Pixels(data.pixels.stored[rows]), np.arange(count)
    return replace(
        data, class_names=names, pixels=pixels, labels=labels, development=every, strata=labels.numpy(), groups=None
    )


def test_an_epoch_takes_about_as_long_as_its_pace_says(digits: Dataset) -> None:
    recipe = Recipe(augment=Cutout())
    run = Run(recipe, Replicate.numbered(0), digits, CPU)
    next(run)
    ratios = []
    for _ in range(3):  # another program may take the processor for a while
        pace, epoch = measure(recipe, digits, CPU), next(run)
        seconds = pace.seconds_per_train_image * epoch.images
        seconds += pace.seconds_per_validation_image * len(run.validation_index)
        ratios.append(seconds / epoch.seconds)
    assert 0.5 < sorted(ratios)[1] < 2


def test_parameters_are_those_of_the_backbone_with_its_classifier(digits: Dataset) -> None:
    model = build(Recipe(), 10, seed=0)
    assert measure(Recipe(), digits, CPU, images=64).parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("count", "classes"), [(1000, 200), (30, None), (30, 15), (1, None)], ids=["small classes", "30", "pairs", "one"]
)
def test_data_that_no_fold_could_be_cut_from_are_measured(digits: Dataset, count: int, classes: int | None) -> None:
    recipe = Recipe(backbone="test_vit", image_size=16) if count == 1 else Recipe()
    assert_finite(measure(recipe, part(digits, count, classes), CPU))


def test_a_thousand_classes_of_five_images_are_measured(digits: Dataset) -> None:
    assert_finite(measure(Recipe(), part(digits, 5000, classes=1000), CPU))


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 10_000.0, "optimizer": AdamW(weight_decay=10)},
        {"precision": "bf16", "augment": Mixup()},
        {"precision": "fp16", "epoch_images": 32},
        {"batch_size": 4096},
        {"epoch_images": 65},
        {"dropout": 0.3, "drop_path": 0.1},
    ],
    ids=["diverging", "bf16", "fp16", "large batch", "short epoch", "dropout"],
)
def test_every_recipe_is_measured(digits: Dataset, changes: dict[str, object]) -> None:
    assert_finite(measure(Recipe().model_copy(update=changes), digits, CPU, images=96))


@pytest.mark.parametrize(("asked", "trained"), [(64, 2 * 64), (640, 11 * 64), (1497, 24 * 64)])
def test_only_the_images_asked_for_are_looked_at(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, asked: int, trained: int
) -> None:
    """And one batch more, which warms up."""
    seen: list[int] = []
    batch = Feed.batch
    monkeypatch.setattr(Feed, "batch", lambda feed, rows, *more: seen.append(len(rows)) or batch(feed, rows, *more))
    measure(Recipe(), digits, CPU, images=asked)
    assert sum(seen) == trained


def test_measuring_leaves_the_ambient_generator_and_the_data_alone(digits: Dataset) -> None:
    images, ambient = digits.images(16).clone(), torch.random.get_rng_state()
    measure(Recipe(dropout=0.5), digits, CPU, images=64)
    assert torch.equal(torch.random.get_rng_state(), ambient)
    assert torch.equal(digits.images(16), images)


def line(call: Callable[[], object]) -> str:
    with pytest.raises(BackboneError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_backbone_that_does_not_take_such_images_is_refused_with_what_to_try(digits: Dataset) -> None:
    said = line(lambda: measure(Recipe(backbone="test_convnext"), digits, CPU))
    for part_of_it in ("test_convnext", "16 px", "1 channel", "Kernel size", "--set baseline.image_size=32", "another"):
        assert part_of_it in said


def test_a_backbone_that_cannot_even_be_made_for_such_images_is_refused_with_what_to_try(digits: Dataset) -> None:
    said = line(lambda: measure(Recipe(backbone="maxvit_tiny_tf_224"), digits, CPU))
    for part_of_it in ("maxvit_tiny_tf_224", "in_chans 1", "img_size 16", "--set baseline.image_size=32"):
        assert part_of_it in said


def test_what_is_tried_instead_works(digits_32: Dataset) -> None:
    assert_finite(measure(Recipe(backbone="test_convnext", image_size=32), digits_32, CPU, images=64))


def test_a_run_refuses_such_a_backbone_in_the_same_words(digits: Dataset) -> None:
    recipe = Recipe(backbone="test_convnext")
    run = Run(recipe, Replicate.numbered(0), digits, CPU)
    assert line(lambda: next(run)) == line(lambda: measure(recipe, digits, CPU))


@pytest.mark.parametrize("errors", [backbone_errors, memory_errors])
@pytest.mark.parametrize("failing", ["processor", "accelerator"])
def test_too_little_memory_is_said_with_a_smaller_batch(errors: Callable[..., object], failing: str) -> None:
    def use_too_much() -> None:
        with errors(Recipe(image_size=64, channels=3), CPU):  # pyright: ignore[reportGeneralTypeIssues]
            if failing == "processor":
                torch.empty(2**28 * GIBI)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has")

    said = line(use_too_much)
    for part_of_it in ("test_resnet", "64 px", "3 channels", "allocate", "--set baseline.batch_size=32", "image size"):
        assert part_of_it in said


def test_a_mistake_of_our_own_is_not_called_one_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shape"), memory_errors(Recipe(), CPU):
        torch.zeros(2).view(3)


def assert_finite(pace: Pace) -> None:
    assert 0 < pace.seconds_per_train_image < 1
    assert 0 < pace.seconds_per_validation_image < 1
    assert pace.parameters > 1000

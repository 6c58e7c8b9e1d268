"""What the fields of a recipe do to a run, one by one, on small real things."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.conftest import CPU, SMALL
from trainer.batch import Batch
from trainer.data import Dataset, Geometry, load, open_source
from trainer.feed import Feed
from trainer.losses.criterion import criterion
from trainer.normalise import Normalise
from trainer.order import order, shown_counts, turns
from trainer.randomness import generator
from trainer.recipe import (
    Augment,
    ClassBalanced,
    Flip,
    Hard,
    InverseFrequency,
    Loss,
    Mixup,
    RandomResizedCrop,
    Recipe,
    Shift,
)
from trainer.replicate import Replicate
from trainer.run import Run, RunError
from trainer.sources.source import Part

FIRST = Replicate.numbered(0)
ROWS = torch.arange(40)


@pytest.fixture(scope="module")
def large() -> Dataset:
    """Digits kept at 32 px, of which recipes see fewer."""
    return load(open_source("digits"), Geometry(32, 1))


def feed(augment: Augment, data: Dataset, **changes: object) -> Feed:
    recipe = Recipe(augment=augment).model_copy(update=changes)
    return Feed(recipe, data, ROWS, seed=0, files={})


def shown(found: Feed, epoch: int) -> torch.Tensor:
    positions = torch.arange(len(ROWS))
    return found.batch(positions, turns(positions, epoch), generator(CPU, 0, "augment", epoch)).images


def alike(one: torch.Tensor, other: torch.Tensor) -> float:
    """Correlation of all pixels."""
    return torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1].item()


def test_fewer_pixels_are_seen_than_are_kept(large: Dataset) -> None:
    run = Run(SMALL.model_copy(update={"image_size": 16, "stored_size": 32}), FIRST, large, CPU)
    assert run._feed.batch(
        torch.arange(3), torch.ones(3, dtype=torch.int64), generator(CPU, 0, "augment", 1)
    ).images.shape == (3, 1, 16, 16)
    assert next(run).score > 0
    with pytest.raises(RunError, match="decoded as 1 x 32 x 32, the recipe wants 1 x 24 x 24"):
        Run(SMALL.model_copy(update={"image_size": 16, "stored_size": 24}), FIRST, large, CPU)


def test_what_is_seen_is_what_would_have_been_decoded_up_to_the_way_of_shrinking(large: Dataset) -> None:
    direct, shrunk = load(open_source("digits"), Geometry(16, 1)).images(16).float(), large.images(16).float()
    assert alike(direct, shrunk) > 0.98


def test_random_crops_cut_from_the_kept_pixels(large: Dataset) -> None:
    """A crop of almost the whole picture is that picture, at the size the backbone sees."""
    barely = feed(RandomResizedCrop(scale=0.999), large, image_size=16, stored_size=32)
    assert barely._images.shape[-1] == 32
    cropped, plain = shown(barely, 1), barely.normalise.bytes(large.images(16)[ROWS])
    assert cropped.shape == plain.shape
    assert alike(cropped, plain) > 0.9
    assert feed(Flip(), large, image_size=16, stored_size=32)._images.shape[-1] == 16


def test_soft_is_drawn_anew_each_epoch(digits: Dataset) -> None:
    soft = feed(Shift(), digits)
    assert not torch.equal(shown(soft, 1), shown(soft, 2))


def test_hard_shows_a_fixed_set_each_version_once_in_turn(digits: Dataset) -> None:
    hard = feed(Hard(of=Shift(), copies=2), digits)
    epochs = [shown(hard, number) for number in range(1, 7)]
    assert torch.equal(epochs[0], epochs[3]) and torch.equal(epochs[2], epochs[5])
    plain = hard.normalise.bytes(digits.images(16)[ROWS])
    as_they_are = torch.stack([(images == plain).flatten(1).all(dim=1) for images in epochs[:3]])
    assert (as_they_are.sum(dim=0) >= 1).all(), "the original is one of the three"
    assert 1 / 3 <= as_they_are.float().mean().item() < 0.5, "and the versions differ from it"
    assert 0 < as_they_are[0].sum() < len(ROWS), "each epoch mixes the versions"


def test_a_hard_set_shows_an_image_that_comes_often_in_an_epoch_in_all_its_versions(digits: Dataset) -> None:
    hard = feed(Hard(of=Shift(), copies=3), digits)
    often = torch.zeros(4, dtype=torch.int64)
    images = hard.batch(often, turns(often, 1), generator(CPU, 0, "augment", 1)).images
    assert torch.equal(hard.batch(often, turns(often, 5), generator(CPU, 0, "augment", 5)).images, images)
    assert len({image.numpy().tobytes() for image in images}) >= 2


@pytest.mark.parametrize("sampling", ["natural", "square_root", "balanced"])
@pytest.mark.parametrize("loss", [ClassBalanced(), InverseFrequency()], ids=lambda loss: loss.kind)
def test_class_weights_average_to_one_over_what_an_epoch_shows(sampling: str, loss: Loss) -> None:
    """Else sampling and weights together would also change the size of the steps."""
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 9)
    recipe = Recipe.model_validate({"sampling": sampling, "epoch_images": None, "loss": loss})
    counts = labels.bincount()
    found = criterion(loss, counts, {}, shown_counts(counts, recipe.sampling))
    batch = labels[order(labels, recipe, 0, 1)]
    flat = torch.zeros(len(batch), 3)  # every image alike: the loss is log 3 times the mean weight
    assert found(flat, Batch(flat, batch)).item() == pytest.approx(math.log(3), rel=2e-2)


def test_a_hard_set_is_the_same_in_a_resumed_run(digits: Dataset) -> None:
    one, other = feed(Hard(of=Mixup(), copies=2), digits), feed(Hard(of=Mixup(), copies=2), digits)
    shown(one, 1)
    assert torch.equal(shown(one, 2), shown(other, 2))


def test_balanced_sampling_reaches_the_batches() -> None:
    source = open_source("digits")
    rare = np.flatnonzero(source.labels == 0)[20:]
    data = load(source.kept(np.setdiff1d(np.arange(len(source)), rare)), Geometry(16, 1))
    run = Run(SMALL.model_copy(update={"sampling": "balanced", "epoch_images": None}), FIRST, data, CPU)
    seen = data.labels[run._feed._train[run._order(1)]].bincount(minlength=10)
    assert seen.max() - seen.min() <= 1
    assert next(run).score > 0


def test_images_are_normalised_by_the_training_images_or_as_the_weights_were(digits: Dataset) -> None:
    train = torch.from_numpy(digits.development[:500])
    own = Normalise.of(Recipe(), digits.images(16), train)
    seen = own.bytes(digits.images(16)[train])
    assert seen.mean().item() == pytest.approx(0, abs=1e-4)
    assert seen.std().item() == pytest.approx(1, abs=1e-3)
    theirs = Normalise.of(Recipe(backbone="resnet18", channels=3, normalise="pretrained"), digits.images(16), train)
    assert theirs.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert (1 / theirs.scale).flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
    grey = Normalise.of(Recipe(backbone="resnet18", normalise="pretrained"), digits.images(16), train)
    assert grey.mean.item() == pytest.approx((0.485 + 0.456 + 0.406) / 3)
    assert own.colour.item() == pytest.approx(theirs.colour[0].item()), "holes are filled with the mean of the data"


def test_one_net_with_a_head_per_part_trains_and_answers_all_classes(digits: Dataset) -> None:
    data = replace(digits, parts=(Part("half", ("low", "high")), Part("rest", tuple("01234"))))
    run = Run(SMALL.model_copy(update={"heads": "factored", "epoch_images": 600, "lr": 0.004}), FIRST, data, CPU)
    assert max(epoch.score for epoch in run) > 0.6
    assert run.validation_probabilities().shape[1] == 10


@pytest.mark.parametrize("changes", [{"stem": "small"}, {"head_init": "zero"}, {"head_init": "native"}])
def test_stem_and_head_are_part_of_what_is_trained(digits: Dataset, changes: dict[str, object]) -> None:
    one, other = (Run(SMALL.model_copy(update=each), FIRST, digits, CPU) for each in (changes, {}))
    assert next(one).val_loss != next(other).val_loss


def test_the_labels_of_the_test_part_are_nowhere_in_the_data(digits: Dataset) -> None:
    rows, labels = digits.test.open(lambda who, why: None, "the tests", "to look for them")
    assert set(digits.labels[rows].tolist()) == {-1}
    assert len(digits.strata) == len(digits.development) == len(digits.labels) - len(labels)
    assert not set(rows.tolist()) & set(digits.development.tolist())

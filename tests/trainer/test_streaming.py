"""Images that stay in host memory and come batch by batch."""

from dataclasses import replace

import pytest
import torch

from tests.trainer.conftest import CPU, SMALL
from tests.trainer.test_run import outcome
from trainer.data import Dataset
from trainer.pixels import Pixels
from trainer.recipe import Augment, Cutout, Hard, NoAugment, RandomResizedCrop, Shift
from trainer.replicate import Replicate
from trainer.run import Run, RunError
from trainer.streaming import Streamed


@pytest.fixture
def streamed(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The digits, as if no device could hold them."""
    monkeypatch.setattr("trainer.pixels.fits", lambda needed, device: False)
    return replace(digits, pixels=Pixels(digits.pixels.stored))


@pytest.mark.parametrize("augment", [NoAugment(), Cutout(), RandomResizedCrop()], ids=lambda a: a.label)
def test_a_run_on_streamed_images_is_the_run_on_resident_ones(
    digits: Dataset, streamed: Dataset, augment: Augment
) -> None:
    recipe = SMALL.model_copy(update={"augment": augment, "epochs": 3})
    runs = [Run(recipe, Replicate.numbered(0), data, CPU) for data in (digits, streamed)]
    for run in runs:
        list(run)
    assert isinstance(streamed.shown(16), Streamed)
    assert outcome(runs[0]) == outcome(runs[1])
    rows = torch.from_numpy(digits.development[:50])
    labels = digits.labels[rows]
    assert runs[0].score_on(rows, labels) == runs[1].score_on(rows, labels)


def test_a_fixed_enlarged_set_of_images_that_do_not_fit_is_refused_with_what_to_do(streamed: Dataset) -> None:
    recipe = SMALL.model_copy(update={"augment": Hard(of=Shift(), copies=1)})
    with pytest.raises(RunError, match="use a soft augmentation"):
        Run(recipe, Replicate.numbered(0), streamed, CPU)


def test_the_positions_of_streamed_images_are_looked_up_on_the_host(streamed: Dataset) -> None:
    assert Run(SMALL, Replicate.numbered(0), streamed, CPU)._feed.rows_on == torch.device("cpu")


def test_images_are_streamed_in_the_order_they_are_asked_for(digits: Dataset) -> None:
    images, rows = Streamed(digits.pixels.stored, CPU), torch.tensor([5, 3, 3, 0])
    assert torch.equal(images[rows], digits.pixels.stored[rows])
    assert len(images) == len(digits.pixels.stored) and images.shape == digits.pixels.stored.shape


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_streamed_batches_arrive_whole_on_a_gpu_whatever_is_under_way() -> None:
    gpu = torch.device("cuda")
    stored = torch.randint(0, 256, (4096, 3, 64, 64), dtype=torch.uint8)
    images = Streamed(stored, gpu)
    order = torch.randperm(4096).split(256)
    busy = torch.rand(4096, 4096, device=gpu)
    got = []
    for rows in order:  # each copy overtakes work that is still queued
        got.append(images[rows].clone())
        busy = busy @ busy / 4096
    assert all(torch.equal(batch.cpu(), stored[rows]) for batch, rows in zip(got, order, strict=True))

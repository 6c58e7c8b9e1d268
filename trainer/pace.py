"""How fast a recipe trains on this machine, from a second of trying; also whether its backbone takes such images."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainer.data import Dataset
from trainer.execution import deterministic
from trainer.failure import memory_errors
from trainer.learner import Learner
from trainer.randomness import default_generators, generator
from trainer.recipe import Recipe

__all__ = ["Pace", "measure"]

_SEED = 0


@dataclass(frozen=True)
class Pace:
    seconds_per_train_image: float  # augmentation, optimizer and average included
    seconds_per_validation_image: float  # scoring included
    parameters: int  # of the backbone with its classifier for these classes, buffers apart


def measure(
    recipe: Recipe, data: Dataset, device: torch.device, weights_file: Path | None = None, images: int = 640
) -> Pace:
    """Times training steps over about `images` images, one batch at least, and one validation pass over at most those.

    Nothing is cut, so classes may be as small as they like, and nothing is learned (the learning rate is 0), so the
    loss does not matter. Uses the CPU threads torch is set to. BackboneError if the backbone or the memory of the
    device does not take such images.
    """
    with memory_errors(recipe, device):
        few = _evenly(data, max(images, recipe.batch_size)).to(device)
        count = len(few.labels)
        everything = torch.arange(count, device=few.images.device)
        size = min(recipe.batch_size, recipe.epoch_images or count, count)
        batches = everything.split(size)[: max(1, min(images, count) // size)]  # whole ones only
        learner = Learner(recipe, few, everything, _SEED, weights_file)
        draw = generator(device, _SEED, "augment")

        def train(index: torch.Tensor) -> None:
            learner.step(few.images[index], few.labels[index], 0.0, recipe.ema_epochs * len(batches), draw)

        def validate(index: torch.Tensor) -> None:
            learner.assess(few.images, few.labels, index)

        with default_generators(device, _SEED, "model"), deterministic(device):
            learner.train_mode()
            train(batches[0])
            began = _now(device)
            for index in batches:
                train(index)
            training = (_now(device) - began) / (len(batches) * size)
        validate(everything[:size])
        began = _now(device)
        validate(everything[:images])
        validation = (_now(device) - began) / min(images, count)
    return Pace(training, validation, learner.parameters)


def _evenly(data: Dataset, most: int) -> Dataset:
    """At most `most` images from all over the data; the groups, which only cuts look at, are left out."""
    count = min(most, len(data.labels))
    index = torch.arange(count, device=data.labels.device) * len(data.labels) // count
    return replace(data, images=data.images[index], labels=data.labels[index], groups=None)


def _now(device: torch.device) -> float:
    """Wall time in seconds once the device has done all it was told."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()

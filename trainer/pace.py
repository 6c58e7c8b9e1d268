"""How fast a recipe trains on this machine, from a second of trying; also whether its backbone takes such images."""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from trainer.custom import NO_FILES, Files
from trainer.data import Dataset
from trainer.evaluation import Exam
from trainer.execution import PLAIN, Mode, deterministic
from trainer.failure import memory_errors
from trainer.feed import Feed
from trainer.learner import Learner
from trainer.nets import Nets
from trainer.pixels import Pixels
from trainer.randomness import default_generators, generator
from trainer.recipe import Recipe

__all__ = ["Pace", "measure"]

_SEED = 0
USUAL_IMAGES = 640  # that a pace is measured on


@dataclass(frozen=True)
class Pace:
    seconds_per_train_image: float  # augmentation, optimizer and average included
    seconds_per_validation_image: float  # scoring included
    parameters: int  # of the backbone with its classifier for these classes, buffers apart


def measure(
    recipe: Recipe,
    data: Dataset,
    device: torch.device,
    files: Files = NO_FILES,
    images: int = USUAL_IMAGES,
    mode: Mode = PLAIN,
) -> Pace:
    """Times training steps over about `images` images, one batch at least, and one validation pass over at most those.

    Nothing is cut, so classes may be as small as they like, and nothing is learned (the learning rate is 0), so the
    loss does not matter. Uses the CPU threads torch is set to. BackboneError if the backbone or the memory of the
    device does not take such images.
    """
    with memory_errors(recipe, device):
        data = sample(data, max(images, recipe.batch_size)).to(device)
        count = len(data.development)
        rows = torch.arange(count, device=device)
        size = min(recipe.batch_size, recipe.epoch_images or count, count)
        feed = Feed(recipe, data, rows, _SEED, files)
        batches = rows.split(size)[: max(1, min(images, count) // size)]  # whole ones
        learner = Learner(recipe, data, rows, _SEED, feed.normalise, files, Nets(mode))
        draw = generator(device, _SEED, "augment")
        looked_at = data.shown(recipe.image_size)

        def train(positions: torch.Tensor) -> None:
            learner.step(feed.batch(positions, torch.ones_like(positions), draw), 0.0, recipe.ema_epochs * len(batches))

        def validate(rows: torch.Tensor) -> None:
            learner.assess(Exam(looked_at, rows, feed.normalise), data.labels[rows])

        with default_generators(device, _SEED, "model"), deterministic(device):
            learner.train_mode()
            train(batches[0])
            began = _now(device)
            for positions in batches:
                train(positions)
            training = (_now(device) - began) / (len(batches) * size)
        validate(rows[:size])
        began = _now(device)
        validate(rows[:images])
        validation = (_now(device) - began) / min(images, count)
    return Pace(training, validation, learner.parameters)


def sample(data: Dataset, most: int) -> Dataset:
    """At most `most` images from all over the development part, as a dataset of their own: little goes to a device."""
    count = min(most, len(data.development))
    rows = data.development[np.arange(count) * len(data.development) // count]
    pixels, labels = Pixels(data.pixels.stored[torch.from_numpy(rows)]), data.labels.cpu()[torch.from_numpy(rows)]
    return replace(data, pixels=pixels, labels=labels, development=np.arange(count))


def _now(device: torch.device) -> float:
    """Wall time in seconds once the device has done all it was told."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()

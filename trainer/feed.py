"""From places in the training set to batches: pixels fetched, augmented, normalised, all on the device of the data."""

from dataclasses import replace

import torch
from torch import Tensor

from trainer.augment.hard import Enlarged, enlarge
from trainer.augment.pipeline import pipeline
from trainer.batch import Batch
from trainer.custom import Files
from trainer.data import Dataset
from trainer.execution import deterministic
from trainer.normalise import Normalise, levels
from trainer.randomness import default_generators, generator
from trainer.recipe import Hard, NoAugment, Recipe, crops
from trainer.state import RunError
from trainer.streaming import Streamed


class Feed:
    """The training images of one run. Equal arguments and draws give equal batches."""

    def __init__(self, recipe: Recipe, data: Dataset, train: Tensor, seed: int, files: Files) -> None:
        """`train` are rows of `data`, on its device; a *position* is a place in `train`.

        Positions and turns are wanted on the device `rows_on`.
        """
        sized = data.shown(recipe.image_size)
        self.normalise = Normalise.of(recipe, sized, train)
        self._images = data.shown(recipe.pixels) if crops(recipe.augment) else sized
        self._labels = data.labels
        if isinstance(self._images, Streamed) and isinstance(recipe.augment, Hard):
            raise RunError(
                f"{recipe.augment.label} keeps {recipe.augment.copies} more versions of every image on {data.device}, "
                "which cannot even hold the images: use a soft augmentation, or fewer or smaller images"
            )
        self.rows_on = torch.device("cpu") if isinstance(self._images, Streamed) else train.device
        self._train = train.to(self.rows_on)
        self._plain = isinstance(recipe.augment, NoAugment)
        self._augment = pipeline(recipe.augment, recipe.image_size, self.normalise.colour, files)
        self._enlarged: Enlarged | None = None
        if isinstance(recipe.augment, Hard):
            sized = data.images(recipe.image_size)
            stored = data.images(recipe.pixels) if crops(recipe.augment) else sized
            self._enlarge(recipe.augment, stored, sized, seed, files)

    def batch(self, positions: Tensor, turns: Tensor, draw: torch.Generator) -> Batch:
        """The training images at `positions` [B]; `draw` is a generator on the data's device.

        `turns` [B] count up each time an image is shown: a hard set shows another version at each turn.
        """
        rows = self._train[positions]
        labels = self._labels[rows.to(self._labels.device, non_blocking=True)]
        if self._enlarged is not None:
            version = (self._first[positions] + turns) % len(self._enlarged.images)
            images, blend = self._enlarged.batch(version, positions)
            return Batch(self.normalise.bytes(images), labels, blend)
        images = self._images[rows]
        if self._plain:
            return Batch(self.normalise.bytes(images), labels)
        batch = self._augment(levels(images), labels, draw)
        return replace(batch, images=self.normalise(batch.images))

    def _enlarge(self, hard: Hard, stored: Tensor, sized: Tensor, seed: int, files: Files) -> None:
        device, train = self._train.device, self._train
        draw, labels, colour = generator(device, seed, "augment", 0), self._labels[train], self.normalise.colour
        with default_generators(device, seed, "augment", 0), deterministic(device):
            self._enlarged = enlarge(hard, stored[train], sized[train], labels, draw, sized.shape[-1], colour, files)
        # Each image begins with a version of its own: every epoch shows all versions evenly mixed.
        from_one = generator(torch.device("cpu"), seed, "version")
        self._first = torch.randint(0, hard.copies + 1, (len(train),), generator=from_one).to(device)

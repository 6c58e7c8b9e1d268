"""Real small things for the trainer's tests: the digits, photos drawn by Pillow, one thread."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.data import Dataset, Geometry, load, open_source
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run

CPU = torch.device("cpu")
SMALL = Recipe(epochs=6, decay_epochs=2, epoch_images=200, batch_size=32)  # a few tenths of a second


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load(open_source("digits"), Geometry(16, 1))


@pytest.fixture
def start(digits: Dataset) -> Callable[..., Run]:
    """`start(lr=0.01)`: a run on the digits of the small recipe, changed as said."""

    def begin(number: int = 0, **changes: object) -> Run:
        return Run(SMALL.model_copy(update=changes), Replicate.numbered(number), digits, CPU)

    return begin


def paint(file: Path, seed: int, size: tuple[int, int] = (20, 14)) -> Path:
    """An image file of random pixels, in the format its name says."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two classes of six images, with names no ASCII machine would like."""
    root = tmp_path / "내 사진"
    for label, name in enumerate(("고양이", "dog ü")):
        for number in range(6):
            paint(root / name / f"{number} é.png", seed=10 * label + number)
    return root


@pytest.fixture(scope="session")
def digits_32() -> Dataset:
    """Large enough for architectures that look at patches of 16 pixels."""
    return load(open_source("digits"), Geometry(32, 1))

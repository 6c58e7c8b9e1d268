"""Real small things for the trainer's tests: the digits, photos drawn by Pillow, one thread."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.painted import paint
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

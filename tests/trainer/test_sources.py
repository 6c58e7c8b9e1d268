"""What every source promises, asked of each."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import paint
from trainer.data import load, open_source
from trainer.sources.source import Source


@pytest.fixture(params=["digits", "folder"])
def reopen(request: pytest.FixtureRequest, photos: Path) -> Callable[[], Source]:
    return lambda: open_source("digits" if request.param == "digits" else photos)


def test_labels_are_indices_of_class_names_and_each_class_occurs(reopen: Callable[[], Source]) -> None:
    source = reopen()
    assert source.labels.dtype == np.int64
    assert sorted(set(source.labels.tolist())) == list(range(len(source.class_names)))
    assert len(set(source.class_names)) == len(source.class_names)
    assert source.groups is None or len(source.groups) == len(source.labels)


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (13, 3)])
def test_images_are_bytes_of_the_asked_shape_in_the_order_of_labels(
    reopen: Callable[[], Source], size: int, channels: int
) -> None:
    source = reopen()
    images = source.decode(size, channels)
    assert images.dtype == np.uint8
    assert images.shape == (len(source.labels), channels, size, size)
    assert images.std() > 10


def test_opening_twice_gives_the_same(reopen: Callable[[], Source]) -> None:
    one, other = reopen(), reopen()
    assert one.digest == other.digest
    assert len(one.digest) == 64
    assert one.labels.tolist() == other.labels.tolist()
    assert (one.decode(8, 1) == other.decode(8, 1)).all()


def test_the_defaults_load(reopen: Callable[[], Source]) -> None:
    source = reopen()
    data = load(source, source.default_image_size, source.default_channels)
    assert len(data.images) + len(data.test) == len(source.labels)


def test_a_copy_elsewhere_has_the_same_digest(photos: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(photos, tmp_path / "elsewhere")
    assert open_source(copy).digest == open_source(photos).digest
    assert open_source(copy).name == "elsewhere"


@pytest.mark.parametrize("change", ["pixels", "name", "class", "more", "fewer"])
def test_changed_data_have_another_digest(photos: Path, change: str) -> None:
    before = open_source(photos).digest
    image = photos / "dog ü" / "1 é.png"
    match change:
        case "pixels":
            paint(image, seed=99)
        case "name":
            image.rename(image.with_name("7.png"))
        case "class":
            image.rename(photos / "고양이" / "7.png")
        case "more":
            paint(photos / "dog ü" / "7.png", seed=99)
        case _:
            image.unlink()
    assert open_source(photos).digest != before


def test_what_a_desktop_leaves_behind_changes_nothing(photos: Path) -> None:
    before = open_source(photos)
    for litter in (photos / ".DS_Store", photos / "dog ü" / "Thumbs.db", photos / "dog ü" / "._1 é.png"):
        litter.write_bytes(b"litter")
    (photos / ".cache").mkdir()
    after = open_source(photos)
    assert after.digest == before.digest
    assert after.class_names == before.class_names == ("dog ü", "고양이")

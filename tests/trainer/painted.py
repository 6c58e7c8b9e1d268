"""Small real pictures as sources that count how often one is opened; and processes that decode them."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.decode import Decoded, decode
from trainer.geometry import Geometry
from trainer.sources.pictures import FilePictures
from trainer.sources.source import Pictures, Source

SMALL = Geometry(8, 3)


def paint(file: Path, seed: int, size: tuple[int, int] = (20, 14)) -> Path:
    """An image file of random pixels, in the format its name says."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


class Counted:
    """`Pictures` that count their openings, each of which may take `pause` seconds."""

    def __init__(self, pictures: Pictures, pause: float = 0) -> None:
        self._pictures, self._pause, self._lock, self.opened = pictures, pause, threading.Lock(), 0

    def contents(self) -> Sequence[bytes]:
        return self._pictures.contents()

    def open(self, index: int) -> Image.Image:
        with self._lock:
            self.opened += 1
        time.sleep(self._pause)
        return self._pictures.open(index)


def painted(folder: Path, count: int = 24, classes: int = 2) -> list[Path]:
    """PNG files of random pixels, the same for the same numbers."""
    return [paint(folder / f"{number % classes}" / f"{number:03} é.png", seed=number) for number in range(count)]


def source_of(files: Sequence[Path], pause: float = 0, classes: int = 2, **options: Any) -> Source:
    """The label of file i is i % classes."""
    names = [f"{file.parent.name}/{file.name}" for file in files]
    pictures = Counted(FilePictures(files, names, **options), pause)
    labels = np.arange(len(files), dtype=np.int64) % classes
    return Source("class folders", "photos", tuple(map(str, range(classes))), tuple(names), labels, pictures)


def opened(source: Source) -> int:
    """How often pictures have been opened."""
    assert isinstance(source.pictures, Counted)
    return source.pictures.opened


def decoded(files: Sequence[Path], cache: Path | None, geometry: Geometry = SMALL, **options: Any) -> Decoded:
    return decode(source_of(files), geometry, cache=cache, **options)


def decode_together(files: Sequence[Path], cache: Path, barrier: Any, answers: Any) -> None:
    """A process: (digest, pictures opened, sum of the pixels, progress heard)."""
    source, heard = source_of(files, pause=0.01), []
    barrier.wait(60)
    found = decode(source, SMALL, cache=cache, progress=lambda *told: heard.append(told))
    answers.put((found.digest, opened(source), int(found.pixels.stored.sum(dtype=None)), heard))


def decode_slowly(files: Sequence[Path], cache: Path) -> None:
    """A process to be killed."""
    decode(source_of(files, pause=0.2), SMALL, cache=cache)


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / "decoded").iterdir() if path.is_dir())


def litter(cache: Path) -> list[str]:
    return [path.name for path in (cache / "decoded").iterdir() if path.name.endswith(".partial")]

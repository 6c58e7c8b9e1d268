"""Stored pictures: files, and arrays of bytes."""

import hashlib
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.sources.fingerprint import contents_of
from trainer.sources.source import DataError
from trainer.sources.wording import listed, shown

UNREADABLE = bytes(32)  # stands for the content of a file that cannot be read and is to be left out
_GREY = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"})
_LOOKED_AT = 20


@dataclass(frozen=True, eq=False)
class FilePictures:
    """One picture a file. `names` [N] are for people, in messages."""

    files: Sequence[Path]
    names: Sequence[str]
    cache: Path | None = None
    skip_broken: bool = False

    def contents(self) -> Sequence[bytes]:
        """sha256 of every file, read in parallel. DataError naming those that cannot be read.

        With `skip_broken` such a file has the content `UNREADABLE`: `open` will fail on it, and it is left out then.
        """
        broken = [
            f"{shown(name)} ({_reason(content)})"
            for name, content in zip(self.names, self._contents, strict=True)
            if isinstance(content, Exception)
        ]
        if broken and not self.skip_broken:
            raise DataError(
                f"{len(broken)} of {len(self.files)} images cannot be read: {listed(broken)}; "
                "repair or remove them, or leave them out with --skip-broken"
            )
        return [UNREADABLE if isinstance(content, Exception) else content for content in self._contents]

    @cached_property
    def _contents(self) -> list[bytes | Exception]:
        return contents_of(self.files, self.cache)

    def open(self, index: int) -> Image.Image:
        file = self.files[index]
        if not stat.S_ISREG(file.stat().st_mode):
            raise OSError("not a regular file")  # a pipe would be waited for without end
        return Image.open(file)

    def channels(self) -> int:
        """1 when all of up to 20 pictures looked at are grey, 3 otherwise."""
        modes: set[str] = set()
        for index in {len(self.files) * place // _LOOKED_AT for place in range(_LOOKED_AT)}:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of a large picture: no reason to write on the user's terminal
                    with self.open(index) as image:
                        modes.add(image.mode)
            # Broken pictures are named when all are read, with whatever Pillow meets them.
            except Exception:  # noqa: BLE001
                continue
        return 1 if modes and modes <= _GREY else 3


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split())[:60] or type(error).__name__


@dataclass(frozen=True, eq=False)
class ArrayPictures:
    """`pixels` uint8 [N, H, W], or [N, H, W, C] with 1 (grey), 3 (RGB) or 4 (RGBA) channels."""

    pixels: NDArray[np.uint8]

    def contents(self) -> Sequence[bytes]:
        return self._contents

    @cached_property
    def _contents(self) -> list[bytes]:
        shape = repr(self.pixels.shape[1:]).encode("ascii")  # 2 x 8 pixels are not 4 x 4
        return [hashlib.sha256(shape + picture.tobytes()).digest() for picture in self.pixels]

    def open(self, index: int) -> Image.Image:
        picture = self.pixels[index]
        return Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture)

    @property
    def size(self) -> int:
        """Pixels of the larger side."""
        return max(self.pixels.shape[1:3])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return 1 if self.pixels.ndim == 3 or self.pixels.shape[-1] == 1 else 3

"""A folder of class folders: `photos/cat/1.jpg`, `photos/dog/2.png`. Found and labelled here, decoded in pixels.py."""

import hashlib
import stat
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.sources.pixels import decode_image
from trainer.sources.source import DataError, digest_of

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
_DESKTOP = frozenset({"thumbs.db", "desktop.ini", "__macosx", "icon\r"})
_LAYOUT = "expected one folder per class with the images directly inside, such as cat/1.jpg"


class Folder:
    """A `Source`. Opening lists the files and refuses a wrong layout; the bytes are read by `digest` and `decode`."""

    groups = None
    default_image_size = 64
    default_channels = 3

    def __init__(self, root: Path) -> None:
        root = root.resolve()
        self.name = _text(root)
        per_class = _images_per_class(root)
        self.class_names = tuple(per_class)
        self._root = root
        self._files = [file for files in per_class.values() for file in files]
        sizes = [len(files) for files in per_class.values()]
        self.labels: NDArray[np.int64] = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)

    @property
    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        contents = [b""] * len(self._files)

        def read(index: int) -> None:
            contents[index] = hashlib.sha256(self._files[index].read_bytes()).digest()

        self._for_each(read)
        names = [f"{_text(file.parent)}/{_text(file)}" for file in self._files]
        return digest_of(zip(names, contents, strict=True), self.labels, None)

    def decode(self, image_size: int, channels: int) -> NDArray[np.uint8]:
        """[N, channels, image_size, image_size]: turned upright by EXIF, scaled to cover the square, centre cropped."""
        images = np.empty((len(self._files), channels, image_size, image_size), dtype=np.uint8)

        def fill(index: int) -> None:
            images[index] = decode_image(self._files[index], image_size, channels)

        self._for_each(fill)
        return images

    def _for_each(self, work: Callable[[int], None]) -> None:
        """`work(index)` for every file, several at once. DataError naming all files that it fails for, in one line."""

        def broken(index: int) -> str | None:
            file = self._files[index]
            try:
                if not stat.S_ISREG(file.stat().st_mode):
                    raise OSError("not a regular file")  # a pipe would be waited for without end
                work(index)
            # Pillow meets a broken file with OSError, SyntaxError, ValueError, struct.error and its own: all are named.
            except Exception as error:  # noqa: BLE001
                said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                name = f"{file.parent.name}/{file.name}"
                reason = " ".join(said.split())[:60] or type(error).__name__
                return f"{name if name.isprintable() else ascii(name)} ({reason})"
            return None

        with ThreadPoolExecutor() as pool:
            named = [line for line in pool.map(broken, range(len(self._files))) if line]
        if named:
            raise DataError(
                f"{len(named)} of {len(self._files)} images in {self._root} cannot be read: {', '.join(named)}; "
                "repair or remove them"
            )


def _text(path: Path) -> str:
    """The last part in composed form: a copy made by macOS, which decomposes accents and Hangul, is the same."""
    return unicodedata.normalize("NFC", path.name)


def _visible(folder: Path) -> list[Path]:
    """Entries that are not hidden and no litter of a desktop, sorted by composed name, by code point."""
    found = (path for path in folder.iterdir() if not path.name.startswith((".", "~", "@")))
    return sorted((path for path in found if path.name.lower() not in _DESKTOP), key=_text)


def _is_image(path: Path) -> bool:
    """By its name: that there is no readable file behind it is found, and said of all at once, when they are read."""
    return path.suffix.lower() in SUFFIXES


def _images_per_class(root: Path) -> dict[str, list[Path]]:
    entries = _visible(root)
    folders = [path for path in entries if path.is_dir()]
    stray = [path.name for path in entries if _is_image(path) and not path.is_dir()]
    if not folders:
        what = f"{len(stray)} images but no class folders" if stray else "nothing to train on"
        raise DataError(f"{root} holds {what}: {_LAYOUT}")
    if stray:
        raise DataError(f"{root} holds {len(stray)} images outside its class folders, such as {stray[0]}: {_LAYOUT}")
    per_class: dict[str, list[Path]] = {}
    for folder in folders:
        if not folder.name.isprintable():  # such as bytes of another encoding, which no database or terminal takes
            raise DataError(f"class folder {folder.name!a} in {root} has a name that cannot be shown: rename it")
        inside = _visible(folder)
        images = [path for path in inside if _is_image(path)]
        nested = [path for path in inside if path.is_dir() and any(_is_image(deep) for deep in path.rglob("*"))]
        if nested:
            deep = f"{folder.name}/{nested[0].name}"
            hint = f"did you mean {folder}?" if not images and len(nested) > 1 else f"move them up to {folder.name}"
            raise DataError(f"{root} holds images two folders deep, in {deep}: {_LAYOUT}; {hint}")
        if not images:
            other = sorted({path.suffix for path in inside if path.is_file()})
            seen = f" (only {', '.join(other)})" if other else ""
            known = " ".join(sorted(SUFFIXES))
            raise DataError(f"class folder {folder} holds no images{seen}: put some in, {known}, or remove it")
        if len(images) == 1:
            raise DataError(f"class folder {folder} holds one image only, none is left to validate on: add or remove")
        per_class[_text(folder)] = images
    if len(per_class) < 2:
        raise DataError(f"{root} holds one class only, {next(iter(per_class))}: at least 2 class folders are needed")
    return per_class

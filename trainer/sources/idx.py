"""The files of MNIST and its kin, `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-…`; or .gz."""

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.sources.arrays import array_pictures, array_source
from trainer.sources.listing import composed
from trainer.sources.source import DataError, Source
from trainer.sources.wording import listed, shown

_NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?", re.IGNORECASE
)
_DIMENSIONS = {"images": 3, "labels": 1}
_BYTES = 0x08  # the type code of idx for unsigned bytes
_HEADER = 4


def set_of(file: str) -> str | None:
    """What stands before `train`, `t10k` or `test` in the name of an idx file; None if it is not called as one."""
    match = _NAME.fullmatch(file)
    return match["set"] if match else None


def idx_set(files: Iterable[Path], folder: Path) -> Source:
    """Of the idx files among `files`. DataError if they are not those of one set with images and labels."""
    found: dict[tuple[str, str], Path] = {}
    sets = set()
    for file in sorted(files, reverse=True):  # so that an unpacked file replaces its .gz
        if match := _NAME.fullmatch(file.name):
            sets.add(match["set"])
            part = "train" if match["part"].lower() == "train" else "test"
            found[part, match["what"].lower()] = file
    where = shown(folder)
    if len(sets) > 1:
        raise DataError(f"{where} holds {len(sets)} idx sets, {listed(sorted(sets))}: give one of the files of the one")
    parts = [part for part in ("train", "test") if any(part == of for of, _ in found)]
    for part, what in [("train", "images"), *((part, what) for part in parts for what in _DIMENSIONS)]:
        if (part, what) not in found:
            name = f"{'train' if part == 'train' else 't10k'}-{what}-idx{_DIMENSIONS[what]}-ubyte"
            raise DataError(f"{where} holds no {name} or {name}.gz beside {listed(_names(found.values()))}: add it")
    images = {part: _read(found[part, "images"], 3) for part in parts}
    labels = {part: _read(found[part, "labels"], 1) for part in parts}
    for part in parts:
        if len(images[part]) != len(labels[part]):
            raise DataError(
                f"{where}: {found[part, 'images'].name} holds {len(images[part]):,} images and "
                f"{found[part, 'labels'].name} {len(labels[part]):,} labels: download both again"
            )
        if images[part].shape[1:] != images["train"].shape[1:]:
            shapes = f"{list(images['train'].shape[1:])} and {list(images[part].shape[1:])}"
            raise DataError(f"{where}: training and test images have the sizes {shapes}: both must have the same")
    words = [part for part in parts for _ in labels[part]]
    return array_source(
        kind="idx",
        where=where,
        name=shown(composed(folder.resolve().name)) or "idx",
        pictures=array_pictures(where, "images", np.concatenate([images[part] for part in parts])),
        labels=[str(label) for part in parts for label in labels[part].tolist()],
        words=words if len(parts) > 1 else None,
    )


def _names(files: Iterable[Path]) -> list[str]:
    return sorted(file.name for file in files)


def _read(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """Format: two zero bytes, type, number of dimensions, each dimension as 4 bytes big-endian, then the bytes."""
    try:
        content = file.read_bytes()
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{shown(file)} is damaged ({error}): download it again") from error
    start = _HEADER + 4 * dimensions
    if content[:_HEADER] != bytes((0, 0, _BYTES, dimensions)) or len(content) < start:
        raise DataError(
            f"{shown(file)} begins with {content[:_HEADER].hex(' ') or 'nothing'}, bytes of {dimensions} dimensions in "
            f"idx with 00 00 08 {dimensions:02x}: download it again"
        )
    shape = [int(size) for size in np.frombuffer(content, ">u4", dimensions, _HEADER)]
    if len(content) - start != np.prod(shape, dtype=object):
        raise DataError(
            f"{shown(file)} announces {' x '.join(map(str, shape))} bytes and holds {len(content) - start:,}: "
            "download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)

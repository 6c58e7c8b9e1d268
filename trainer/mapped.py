"""Decoded images as a folder of two files: pixels.npy, which is mapped, and facts.json, which says what it must be."""

import hashlib
import io
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Shape = tuple[int, ...]
Broken = tuple[tuple[int, str], ...]  # (place among the pictures asked for, reason)


@dataclass(frozen=True, eq=False)
class Images:
    """uint8 [n, C, size, size], those that could be read; `digest` is the sha256 of all pixels, then their shape."""

    pixels: Tensor
    digest: str
    broken: Broken


class Sum:
    """Counts and digests the blocks of images that go past."""

    def __init__(self, shape: Shape) -> None:
        self._rest, self.count, self._pixels = shape[1:], 0, hashlib.sha256()

    def add(self, block: NDArray[np.uint8]) -> None:
        self.count += len(block)
        self._pixels.update(block.tobytes())

    @property
    def shape(self) -> Shape:
        return self.count, *self._rest

    def digest(self) -> str:
        whole = self._pixels.copy()
        whole.update(repr(self.shape).encode("ascii"))
        return whole.hexdigest()


def opened(folder: Path) -> Images | None:
    """Mapped, not read. None where there is nothing, or not what its own facts say."""
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        shape, file = tuple(facts["shape"]), folder / "pixels.npy"
        # Private pages: shared with every process until somebody writes on them, and never written back.
        pixels = np.load(file, mmap_mode="c") if shape[0] else np.empty(shape, dtype=np.uint8)
        whole = file.stat().st_size == len(_header(shape)) + pixels.size
        broken = tuple((int(index), str(reason)) for index, reason in facts["broken"])
        if not whole or pixels.shape != shape or pixels.dtype != np.uint8:
            return None
        return Images(torch.from_numpy(pixels), str(facts["digest"]), broken)
    except (OSError, ValueError, TypeError, LookupError):
        return None


class Writer:
    """Writes such a folder, block after block, by ordinary writes: on a full disk a mapped one would kill the process.

    `shape` is the largest it may become. Nothing counts before `finish` has returned. Raises OSError.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        folder.mkdir()
        self._folder, self._sum, self._length = folder, Sum(shape), len(_header(shape))
        # Unbuffered: closing it after an error must not try, and fail, to write the rest.
        self._file = (folder / "pixels.npy").open("xb", buffering=0)
        self._write(_header(shape))

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, block: NDArray[np.uint8]) -> None:
        self._write(block.tobytes())
        self._sum.add(block)

    def finish(self, name: str, broken: Broken) -> None:
        header = _header(self._sum.shape)
        assert len(header) == self._length
        self._file.seek(0)
        self._write(header)
        os.fsync(self._file.fileno())
        facts = {
            "name": name,
            "shape": self._sum.shape,
            "digest": self._sum.digest(),
            "broken": broken,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with (self._folder / "facts.json").open("x", encoding="ascii") as file:
            file.write(json.dumps(facts, indent=1))
            file.flush()
            os.fsync(file.fileno())

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


def _header(shape: Shape) -> bytes:
    """Of an .npy file: as long for 9 images as for 10,000, numpy leaves room for the first number to grow."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return head.getvalue()

"""What a source of labelled images promises, and the digest that identifies its content."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class DataError(Exception):
    """Data that cannot be used: one line saying what was found, what is allowed and what to do."""


class Source(Protocol):
    """N labelled images, not decoded yet."""

    @property
    def name(self) -> str: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> NDArray[np.int64]:
        """[N], indices into `class_names`; every class occurs."""
        ...

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """[N], images of equal number must not be separated by a split (one person, one writer); None: no groups."""
        ...

    @property
    def digest(self) -> str:
        """sha256, hexadecimal, of file bytes, labels, groups and splits: the same for a copy in another place."""
        ...

    @property
    def default_image_size(self) -> int: ...
    @property
    def default_channels(self) -> int: ...
    def decode(self, image_size: int, channels: int) -> NDArray[np.uint8]:
        """[N, channels, image_size, image_size], in the order of `labels`. DataError naming every broken image."""
        ...


def digest_of(
    contents: Iterable[tuple[str, bytes]], labels: NDArray[np.int64], groups: NDArray[np.int64] | None
) -> str:
    """sha256 over (name, digest of the bytes) in the given order, then labels and groups, each length-prefixed."""
    total = hashlib.sha256()

    def add(part: bytes) -> None:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)

    for name, content in contents:
        add(name.encode("utf-8", "surrogateescape"))  # a name that is no UTF-8 keeps its bytes
        add(content)
    for column in (labels, groups, None):  # the last: an official split, which no source has yet
        add(b"none" if column is None else column.astype("<i8").tobytes())
    return total.hexdigest()

"""What a source of labelled images is, and the digest that identifies its content."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class DataError(Exception):
    """Data that cannot be used: one line saying what was found, what is allowed and what to do."""


@dataclass(frozen=True)
class SourceOptions:
    """How a source is to be read. All but `cache` and `follow_links` can change what the data are."""

    label: str | None = None  # column of a CSV manifest or array of an npz file that holds the labels
    group: str | None = None  # column, array, or for class folders a pattern whose first parentheses name the group
    target: str | None = None  # one part of a label that is a product: mask, gender or age
    follow_links: bool = False  # also links that lead out of the data folder
    skip_broken: bool = False  # leave out pictures that cannot be read, and record which
    cache: Path | None = None  # where digests of unchanged files are remembered; None: every byte is read again


class Opens(Protocol):
    """Stored pictures that can be opened one by one."""

    def open(self, index: int) -> Image.Image:
        """Picture `index` for decoding, possibly lazily. Raises what Pillow and the system raise."""
        ...


class Pictures(Opens, Protocol):
    """N stored pictures, not decoded."""

    def contents(self) -> Sequence[bytes]:
        """sha256 of each as it is stored (file bytes), 32 bytes each. DataError naming all that cannot be read."""
        ...


@dataclass(frozen=True)
class Part:
    """One factor of a label that is a product, such as gender: male, female."""

    name: str
    class_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """N labelled images, not decoded yet, in an order that is the same for every copy of the data."""

    kind: str  # digits, faces, class folders, csv, mask contest, idx, npz
    name: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]  # [N], how a person finds an image: a path with /, or "train 17"
    labels: Numbers  # [N], indices into class_names; a class may have no image only where the label is a product
    pictures: Pictures
    groups: Numbers | None = None  # [N], images of equal number must not be separated by a split; None: no groups
    official_test: Flags | None = None  # [N], True where the data say that an image is test
    parts: tuple[Part, ...] = ()  # the label as a product: label = mixed-radix number of the parts, the first leading
    strata: Numbers | None = None  # [N], what a split is stratified by; None: the labels
    default_image_size: int = 64
    default_channels: int = 3
    detailed: bool = False  # whether the pictures may hold more pixels than are wanted (photos)
    notes: tuple[str, ...] = ()  # what the user should know, one line each

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digest(self) -> str:
        """sha256, hexadecimal, of contents, names, labels, groups and split: the same for a copy in another place."""
        return digest_of(self)

    def kept(self, index: Numbers) -> "Source":
        """The images at `index` (ascending) only."""

        def at(column: NDArray | None) -> NDArray | None:
            return None if column is None else column[index]

        return replace(
            self,
            names=tuple(self.names[i] for i in index),
            labels=self.labels[index],
            pictures=_Chosen(self.pictures, index),
            groups=at(self.groups),
            official_test=at(self.official_test),
            strata=at(self.strata),
        )


@dataclass(frozen=True)
class _Chosen:
    pictures: Pictures
    index: Numbers

    def contents(self) -> Sequence[bytes]:
        whole = self.pictures.contents()
        return [whole[i] for i in self.index]

    def open(self, index: int) -> Image.Image:
        return self.pictures.open(int(self.index[index]))


def digest_of(source: Source) -> str:
    """sha256 over kind of column after kind of column, each part length-prefixed."""
    total = hashlib.sha256()

    def add(part: bytes) -> None:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)

    for name, content in zip(source.names, source.pictures.contents(), strict=True):
        add(name.encode("utf-8", "surrogateescape"))  # a name that is no UTF-8 keeps its bytes
        add(content)
    for text in (*source.class_names, "", *(f"{part.name}={part.class_names}" for part in source.parts)):
        add(text.encode("utf-8", "surrogateescape"))
    for column in (source.labels, source.groups, source.official_test, source.strata):
        add(b"none" if column is None else column.astype("<i8").tobytes())
    return total.hexdigest()

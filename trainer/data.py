"""From a source to tensors: the development part to train and validate on, and the sealed test part."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.decode import Decoded, Progress, decode
from trainer.folds import cut, hold_out
from trainer.geometry import Geometry
from trainer.pixels import Pixels
from trainer.replicate import Replicate
from trainer.sources.recognise import open_source
from trainer.sources.source import DataError, Part, Source, SourceOptions
from trainer.streaming import Images

__all__ = [
    "DataError",
    "Dataset",
    "Decoded",
    "Geometry",
    "Progress",
    "SealedTest",
    "Source",
    "SourceOptions",
    "decode",
    "load",
    "open_source",
    "sealed",
]

SEALED = -1  # stands in the place of every label of the test part


class SealedTest:
    """The labels of the test part. They come out through `open` only, which has each opening written down first."""

    __slots__ = ("__labels", "groups", "rows")

    def __init__(self, rows: NDArray[np.int64], labels: Tensor, groups: NDArray[np.int64] | None) -> None:
        self.rows, self.__labels, self.groups = rows, labels, groups

    def __len__(self) -> int:
        return len(self.rows)

    def open(self, record: Callable[[str, str], None], who: str, why: str) -> tuple[Tensor, Tensor]:
        """(rows of the dataset [n], labels [n]) on the CPU, once `record(who, why)` has returned, not if it raises."""
        record(who, why)
        return torch.from_numpy(self.rows), self.__labels


@dataclass(frozen=True, eq=False)
class Dataset:
    """N decoded images in the order of their source. A *row* is a place in that order, everywhere."""

    name: str
    class_names: tuple[str, ...]
    parts: tuple[Part, ...]  # the label as a product; none: it is none
    digest: str  # of the source's content: part of a run's identity
    decoded_digest: str  # of all pixels: decoders differ, this tells
    pixels: Pixels
    labels: Tensor  # int64 [N], SEALED for the rows of the test part
    development: NDArray[np.int64]  # rows [n], ascending: all but the test part
    strata: NDArray[np.int64]  # [n] of the development rows: what folds are stratified by
    groups: NDArray[np.int64] | None  # [n] of the development rows: what no fold separates
    test: SealedTest
    is_open: bool = False  # whether the labels of the test part stand in `labels`, to be trained on
    left_out: tuple[str, ...] = ()  # pictures that could not be read, with the reason; only where that was allowed

    @property
    def device(self) -> torch.device:
        return self.labels.device

    def opened(self, record: Callable[[str, str], None], who: str, why: str) -> "Dataset":
        """With the labels of the test part, to be trained on: no honest score is left. Recorded as any opening is."""
        rows, labels = self.test.open(record, who, why)
        whole = self.labels.clone()
        whole[rows.to(self.device)] = labels.to(self.device)
        return replace(self, labels=whole, is_open=True)

    def sides(self, replicate: Replicate) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(training, validation) rows of a run on `replicate`, ascending."""
        if replicate.everything:
            return np.arange(len(self.labels), dtype=np.int64), self.development[:0]
        if replicate.whole:
            return self.development, self.development[:0]
        train, validation = cut(self.strata, self.groups, replicate)
        return self.development[train], self.development[validation]

    def shown(self, size: int) -> Images:
        """As `images`, where they fit on the device; else streamed to it."""
        return self.pixels.on(size, self.device)

    def images(self, size: int) -> Tensor:
        """uint8 [N, C, size, size] on the dataset's device; each size is made once."""
        return self.pixels.at(size, self.device)

    def to(self, device: torch.device) -> "Dataset":
        """With labels and images on `device`, itself if they are there: do it once per worker, not once per run."""
        return self if self.device == device else replace(self, labels=self.labels.to(device))


def load(
    source: Source,
    geometry: Geometry,
    test_fraction: float = 1 / 6,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    skip_broken: bool = False,
) -> Dataset:
    """Decodes all images and seals the test part, by group, before any fold is cut. DataError if that cannot be.

    With `cache` the pixels are decoded once per host into that folder and mapped from there by every process.
    """
    return sealed(decode(source, geometry, cache=cache, progress=progress, skip_broken=skip_broken), test_fraction)


def sealed(decoded: Decoded, test_fraction: float) -> Dataset:
    """The test part held out: its labels are nowhere in the dataset but behind `test.open`."""
    source = decoded.source
    development, test = hold_out(source, test_fraction)
    labels = torch.from_numpy(source.labels.copy())
    held_out = SealedTest(test, labels[test].clone(), None if source.groups is None else source.groups[test])
    labels[test] = SEALED
    strata = source.labels if source.strata is None else source.strata
    return Dataset(
        name=source.name,
        class_names=source.class_names,
        parts=source.parts,
        digest=source.digest,
        decoded_digest=decoded.digest,
        pixels=decoded.pixels,
        labels=labels,
        development=development,
        strata=strata[development],
        groups=None if source.groups is None else source.groups[development],
        test=held_out,
        left_out=decoded.left_out,
    )

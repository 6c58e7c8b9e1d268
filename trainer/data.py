"""From a source to tensors: the development part to train and validate on, and the sealed test part."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.folds import hold_out
from trainer.sources.digits import Digits
from trainer.sources.folder import Folder
from trainer.sources.source import DataError, Source

__all__ = ["DataError", "Dataset", "SealedTest", "Source", "load", "open_source"]


class SealedTest:
    """The test part. Its images and labels come out through `open` only, which has each opening written down first."""

    __slots__ = ("__images", "__labels", "groups")

    def __init__(self, images: Tensor, labels: Tensor, groups: NDArray[np.int64] | None) -> None:
        self.__images, self.__labels, self.groups = images, labels, groups

    def __len__(self) -> int:
        return len(self.__images)

    def open(self, record: Callable[[str, str], None], who: str, why: str) -> tuple[Tensor, Tensor]:
        """(uint8 [N, C, H, W], int64 [N]) on the CPU, once `record(who, why)` has returned; nothing if it raises."""
        record(who, why)
        return self.__images, self.__labels


@dataclass(frozen=True, eq=False)
class Dataset:
    """The development part, decoded; `groups` and the order of images are the source's with the test part left out."""

    name: str
    class_names: tuple[str, ...]
    images: Tensor  # uint8 [N, C, H, W]
    labels: Tensor  # int64 [N]
    groups: NDArray[np.int64] | None  # [N]
    digest: str  # of the source's content: part of a run's identity
    decoded_digest: str  # of all pixels, test included: decoders differ, this tells
    test: SealedTest

    def to(self, device: torch.device) -> "Dataset":
        """With images and labels on `device`, itself if they are there: do it once per worker, not once per run."""
        if self.images.device == device:
            return self
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


def open_source(spec: str | Path) -> Source:
    """The built-in `digits`, or a folder of class folders. DataError if `spec` is neither."""
    if spec == Digits.name:
        return Digits()
    folder = Path(spec).expanduser()
    if str(spec) and folder.is_dir():
        try:
            return Folder(folder)
        except OSError as error:
            raise DataError(f"{folder} cannot be read ({error.strerror or error}): check its permissions") from error
    allowed = "give digits (built in) or a folder with one folder of images per class"
    if folder.is_file():
        raise DataError(f"data {folder} is a file: {allowed}")
    siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    close = get_close_matches(folder.name, [*siblings, Digits.name], n=1)
    hint = f"; did you mean {Digits.name if close[0] not in siblings else folder.with_name(close[0])}?" if close else ""
    raise DataError(f"data {str(spec)!r} is neither known nor an existing folder{hint}: {allowed}")


def load(source: Source, image_size: int, channels: int, test_fraction: float = 1 / 6) -> Dataset:
    """Decodes all images and seals the test part, by group, before any fold is cut. DataError if that cannot be."""
    labels, groups = source.labels, source.groups
    development, test = hold_out(labels, groups, test_fraction)
    pixels = source.decode(image_size, channels)
    digest = hashlib.sha256(repr(pixels.shape).encode("ascii"))
    digest.update(np.ascontiguousarray(pixels).data)

    def part(index: NDArray[np.int64]) -> tuple[Tensor, Tensor, NDArray[np.int64] | None]:
        within = None if groups is None else groups[index]
        return torch.from_numpy(pixels[index]), torch.from_numpy(labels[index]), within

    images, targets, kept_groups = part(development)
    return Dataset(
        name=source.name,
        class_names=source.class_names,
        images=images,
        labels=targets,
        groups=kept_groups,
        digest=source.digest,
        decoded_digest=digest.hexdigest(),
        test=SealedTest(*part(test)),
    )

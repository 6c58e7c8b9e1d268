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
    allowed = "give digits (built in) or a folder with one folder of images per class"
    folder = _expanded(spec)
    try:
        if str(spec) and folder.is_dir():
            return Folder(folder)
        is_file = folder.is_file()
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    except OSError as error:  # no permission, a name too long, a share that is gone
        where = f": {_shown(error.filename)}" if error.filename and Path(error.filename) != folder else ""
        raise DataError(
            f"data {_shown(spec)} cannot be read ({error.strerror or error}{where}): check the path and its "
            f"permissions, or {allowed}"
        ) from error
    if is_file:
        raise DataError(f"data {_shown(spec)} is a file: {allowed}")
    close = get_close_matches(folder.name, [*siblings, Digits.name], n=1)
    hint = f"; did you mean {Digits.name if close[0] not in siblings else folder.with_name(close[0])}?" if close else ""
    raise DataError(f"data {_shown(spec)} is neither known nor an existing folder{hint}: {allowed}")


def _expanded(spec: str | Path) -> Path:
    """With `~` resolved. DataError for a home that does not exist and for a name no path can have."""
    if "\0" in str(spec):
        raise DataError(f"data {_shown(spec)} holds a NUL character, which no path can: retype it")
    try:
        return Path(spec).expanduser()
    except RuntimeError as error:
        raise DataError(f"data {_shown(spec)} names a home folder nobody has: write the path out") from error


def _shown(spec: str | Path) -> str:
    """Quoted, on one line, of a length that can be read."""
    quoted = repr(str(spec))
    return quoted if len(quoted) <= 200 else f"{quoted[:99]}...{quoted[-98:]}"


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

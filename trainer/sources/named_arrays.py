"""The arrays of an npz file, by name and part, and which of them is what."""

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.sources.columns import SPLIT_WORDS
from trainer.sources.listing import composed
from trainer.sources.source import DataError
from trainer.sources.wording import listed, shown

Array = NDArray[Any]
_LABELS = ("y", "Y", "labels", "label", "target", "targets")
_PART = "train|valid|validation|val|test"
_PARTS = re.compile(rf"(?:(?P<first>{_PART})_(?P<after>.+)|(?P<before>.+)_(?P<last>{_PART}))", re.IGNORECASE)
_WHOLE = ""  # the part of arrays that are not cut into train and test


@dataclass(frozen=True)
class Arrays:
    """Arrays by name, then by part: `x_train` and `x_test` are the parts train and test of x."""

    where: str
    columns: Mapping[str, Mapping[str, Array]]

    @classmethod
    def read(cls, file: Path) -> "Arrays":
        where = shown(file)
        try:
            with np.load(file, allow_pickle=False) as opened:
                arrays: dict[str, Array] = {name: opened[name] for name in opened.files}
        except ValueError as error:
            raise DataError(
                f"{where} holds arrays of Python objects or is no npz file ({_first_line(error)}): "
                "save numbers and text only, with numpy.savez"
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, TypeError, OverflowError, MemoryError) as error:
            raise DataError(f"{where} is no whole npz file ({_first_line(error)}): make it again") from error
        columns: dict[str, dict[str, Array]] = {}
        for name, array in arrays.items():
            match = _PARTS.fullmatch(name)
            base = (match["after"] or match["before"]) if match else name
            part = (match["first"] or match["last"]).lower() if match else _WHOLE
            columns.setdefault(base, {})[part] = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        torn = [name for name, parts in columns.items() if _WHOLE in parts and len(parts) > 1]
        if torn:
            raise DataError(
                f"{where} holds {shown(torn[0])} both whole and in parts for training and test: keep one way"
            )
        return cls(where, {name: _in_order(parts) for name, parts in columns.items()})

    def choose(self, usual: Sequence[str], what: str) -> str:
        known = [name for name in usual if name in self.columns]
        if not known:
            raise DataError(
                f"{self.where} holds no {what}: its arrays are {self._described()}; save them as {usual[0]}, "
                f"or {usual[0]}_train and {usual[0]}_test"
            )
        return known[0]

    def label(self, images: str, asked: str | None) -> str:
        """The array asked for, a usual name, or the only one that it can be. DataError saying what there is."""
        candidates = self.alike(images)
        if asked is not None:
            return asked
        usual = [name for name in _LABELS if name in self.columns] or candidates
        if len(usual) != 1:
            what = f"its arrays are {self._described()}"
            raise DataError(
                f"{self.where} does not say which array holds the labels: {what}; name it with --label NAME, and what "
                "must stay together, such as a person, with --group NAME"
            )
        return usual[0]

    def alike(self, images: str) -> list[str]:
        """The arrays with one whole number or text for each image."""
        wanted = {part: (len(array),) for part, array in self.columns[images].items()}
        return [
            name
            for name, parts in self.columns.items()
            if {part: array.shape for part, array in parts.items() if array.dtype.kind in "iubU"} == wanted
        ]

    def joined(self, name: str) -> Array:
        parts = list(self.columns[name].values())
        if len({array.shape[1:] for array in parts}) > 1 or len({array.dtype for array in parts}) > 1:
            shapes = listed(f"{array.dtype} {list(array.shape)}" for array in parts)
            raise DataError(f"{self.where}: the parts of {name} are {shapes}: save them with one type and one size")
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def texts(self, name: str, images: str) -> list[str]:
        """One for each image. DataError if the array is missing or of another length or type."""
        if name not in self.columns:
            raise DataError(f"{self.where} holds no array {shown(name)}: its arrays are {self._described()}")
        if name not in self.alike(images):
            one_hot = any(array.ndim == 2 for array in self.columns[name].values())
            hint = f"; from one column a class make numbers, {name} = {name}.argmax(1)" if one_hot else ""
            raise DataError(
                f"{self.where}: {shown(name)} is not one whole number or text for each of {images}: its arrays are "
                f"{self._described()}{hint}"
            )
        return [composed(str(value)) for part in self.columns[images] for value in self.columns[name][part].tolist()]

    def words(self, images: str) -> list[str] | None:
        """The part of each image; None where the images are in one piece."""
        parts = self.columns[images]
        return None if len(parts) == 1 else [part for part, array in parts.items() for _ in range(len(array))]

    def class_names(self, label: str, labels: Sequence[str]) -> list[str] | None:
        """The one array with a text for each of the labels 0, 1, ...; None if there is none, or several."""
        count = len(set(labels))
        if set(labels) != {str(number) for number in range(count)}:
            return None
        fitting = {
            name: [composed(text) for text in parts[_WHOLE].tolist()]
            for name, parts in self.columns.items()
            if name != label and _WHOLE in parts and parts[_WHOLE].dtype.kind == "U" and parts[_WHOLE].shape == (count,)
        }
        named = [texts for texts in fitting.values() if len(set(texts)) == count and all(map(str.isprintable, texts))]
        return named[0] if len(named) == 1 else None

    def _described(self) -> str:
        return listed(
            f"{name if not part else f'{name} ({part})'} {_type(array)} {list(array.shape)}"
            for name, parts in self.columns.items()
            for part, array in parts.items()
        )


def _in_order(parts: Mapping[str, Array]) -> dict[str, Array]:
    order = list(SPLIT_WORDS)
    return {part: parts[part] for part in sorted(parts, key=lambda part: order.index(part) if part else -1)}


def _type(array: Array) -> str:
    return "text" if array.dtype.kind == "U" else array.dtype.name


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]

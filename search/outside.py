"""Predictions from outside: of a model that was not trained here, for the images of the data."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.edge import UserError

Ints = NDArray[np.int64]
Answers = NDArray[np.float64]
OFF = 0.01  # by which probabilities of an image may miss a sum of 1


@dataclass(frozen=True)
class Outside:
    """Class probabilities for some rows of the dataset. That they were made without training on them is their maker's
    word: it cannot be seen here."""

    name: str
    rows: Ints
    probabilities: Answers
    names: tuple[str, ...]  # of all images

    def at(self, rows: Ints) -> Answers | None:
        """[len(rows), classes]; None unless all of them are there."""
        place = {int(row): number for number, row in enumerate(self.rows)}
        if any(int(row) not in place for row in rows):
            return None
        return self.probabilities[[place[int(row)] for row in rows]]

    def required(self, rows: Ints) -> Answers:
        """As `at`. Raises `UserError` naming what is missing."""
        found = self.at(rows)
        if found is None:
            missing = np.setdiff1d(rows, self.rows)
            raise UserError(
                f"{self.name} answers for {len(rows) - len(missing)} of the {len(rows)} images that are scored; "
                f"{self.names[missing[0]]} is missing, for example (row {missing[0]})"
            )
        return found


def read(file: Path, names: tuple[str, ...], classes: tuple[str, ...]) -> Outside:
    """A CSV with a column `path` (or `row`) and one for each class, or an npz with `rows` or `paths` and
    `probabilities` [n, classes] in the order of the classes. Raises `UserError` in one line."""
    try:
        keys, probabilities = _npz(file, len(classes)) if file.suffix.lower() == ".npz" else _csv(file, classes)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error}); give a CSV or npz file") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{file}: {error}") from None
    known = {name: number for number, name in enumerate(names)}
    rows = np.array([_row(file, key, known) for key in keys], dtype=np.int64)
    if len(np.unique(rows)) < len(rows):
        twice = names[next(row for row in rows if (rows == row).sum() > 1)]
        raise UserError(f"{file} answers for {twice} twice; keep one line")
    _check(file, probabilities, rows, names)
    return Outside(file.name, rows, probabilities / probabilities.sum(axis=1, keepdims=True), names)


def _row(file: Path, key: str | int, known: dict[str, int]) -> int:
    if isinstance(key, int):
        if not 0 <= key < len(known):
            raise UserError(f"{file}: there is no row {key}; the data have {len(known)} images, counted from 0")
        return key
    path = key.replace("\\", "/")
    if path not in known:
        raise UserError(f"{file}: {key!r} is no image of the data; paths start at the data folder: {next(iter(known))}")
    return known[path]


def _check(file: Path, probabilities: Answers, rows: Ints, names: tuple[str, ...]) -> None:
    bad = ~np.isfinite(probabilities).all(axis=1) | (probabilities < 0).any(axis=1)
    bad |= np.abs(np.where(bad, 1.0, probabilities.sum(axis=1)) - 1) > OFF
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise UserError(
            f"{file}: the numbers for {names[rows[first]]} are no probabilities (they sum to "
            f"{probabilities[first].sum():.3g}); give numbers from 0 to 1 that sum to 1"
        )


def _csv(file: Path, classes: tuple[str, ...]) -> tuple[list[str | int], Answers]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        columns = reader.fieldnames or []
        key = next((name for name in ("row", "path") if name in columns), None)
        missing = [name for name in classes if name not in columns]
        if key is None or missing:
            raise ValueError(
                f"no column {'path or row' if key is None else repr(missing[0])}; wanted are path and "
                f"one column for each class: {', '.join(classes)}"
            )
        lines = list(reader)
    try:
        keys = [int(line[key]) if key == "row" else line[key] for line in lines]
        numbers = np.array([[float(line[name]) for name in classes] for line in lines]).reshape(-1, len(classes))
    except (TypeError, ValueError):
        raise ValueError("a field is empty or no number; give a probability for every class in every line") from None
    return keys, numbers


def _npz(file: Path, classes: int) -> tuple[list[str | int], Answers]:
    with np.load(file, allow_pickle=False) as kept:
        key = next((name for name in ("rows", "paths") if name in kept), None)
        if key is None or "probabilities" not in kept:
            raise ValueError("wanted are the arrays probabilities, and rows or paths")
        keys, numbers = kept[key], kept["probabilities"].astype(np.float64)
    if numbers.ndim != 2 or numbers.shape != (len(keys), classes):
        raise ValueError(f"probabilities has shape {numbers.shape}; wanted is ({len(keys)}, {classes})")
    return [int(each) if key == "rows" else str(each) for each in keys], numbers

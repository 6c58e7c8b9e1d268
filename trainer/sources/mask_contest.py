"""The layout of the mask contest: `train.csv` (id, gender, race, age, path) and a folder of photos per person."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from trainer.sources.columns import numbered
from trainer.sources.listing import Entry, Tree
from trainer.sources.mask_labels import CLASS_NAMES, MASK_OF_PHOTO, PARTS, age_band, class_of
from trainer.sources.pictures import FilePictures
from trainer.sources.source import DataError, Source, SourceOptions
from trainer.sources.table import read_table
from trainer.sources.wording import counted, listed, shown

TABLE = "train.csv"
COLUMNS = frozenset({"id", "gender", "race", "age", "path"})
_IMAGES = "images"
_OLDEST = 120  # years
_GENDERS = PARTS[1].class_names


def mask_contest(root: Path, options: SourceOptions) -> Source:
    """18 classes, the person is the group. A person may have fewer than 7 photos; DataError naming all bad persons."""
    table = read_table(root / TABLE)
    tree = Tree(root, options.follow_links)
    where = shown(root)
    base = f"{_IMAGES}/" if (images := tree.find(_IMAGES)) and images.is_folder else ""
    persons, genders, ages = (table.filled(name) for name in ("id", "gender", "age"))
    paths = [base + path.replace("\\", "/").strip("/") for path in table.filled("path")]
    _refuse_bad_rows(shown(root / TABLE), persons, genders, ages, paths)
    rows, photos, bad = [], [], []
    for row, path in sorted(enumerate(paths), key=lambda pair: pair[1]):
        found = _photos(tree, path)
        if isinstance(found, str):
            bad.append(f"{path} ({found})")
        else:
            rows += [row] * len(found)
            photos += found
    if bad:
        known = ", ".join(MASK_OF_PHOTO)
        raise DataError(
            f"{where}: {counted(len(bad), 'person')} of {len(paths):,} cannot be used: {listed(bad)}; photos are "
            f"called {known} with the extension of an image: rename or remove the others"
        )
    tree.check()
    labels = [
        class_of(MASK_OF_PHOTO[photo.stem.lower()], _GENDERS.index(genders[row].lower()), age_band(float(ages[row])))
        for row, photo in zip(rows, photos, strict=True)
    ]
    if len(set(labels)) < 2:
        raise DataError(f"{where} holds images of one class only, {CLASS_NAMES[labels[0]]}: at least 2 are needed")
    names = tuple(photo.relative for photo in photos)
    pictures = FilePictures([photo.path for photo in photos], names, options.cache, options.skip_broken)
    return Source(
        kind="mask contest",
        name=tree.name,
        class_names=CLASS_NAMES,
        names=names,
        labels=np.array(labels, dtype=np.int64),
        pictures=pictures,
        groups=numbered([persons[row] for row in rows]),
        parts=PARTS,
        default_channels=pictures.channels(),
        detailed=True,
        notes=(*_without_images(labels), *_not_listed(tree, base, paths)),
    )


def _refuse_bad_rows(
    table: str, persons: Sequence[str], genders: Sequence[str], ages: Sequence[str], paths: Sequence[str]
) -> None:
    bad_ages = [f"{person} ({age})" for person, age in zip(persons, ages, strict=True) if not _is_age(age)]
    if bad_ages:
        raise DataError(
            f"{table} gives {counted(len(bad_ages), 'person')} an age that is none: {listed(bad_ages)}; "
            f"give years from 0 to {_OLDEST}"
        )
    bad = [f"{person} ({sex})" for person, sex in zip(persons, genders, strict=True) if sex.lower() not in _GENDERS]
    if bad:
        raise DataError(
            f"{table} gives {counted(len(bad), 'person')} a gender that is not known: {listed(bad)}; "
            f"known are {' and '.join(_GENDERS)}"
        )
    twice = sorted(path for path, times in Counter(paths).items() if times > 1)
    if twice:
        raise DataError(
            f"{table} names {counted(len(twice), 'folder')} twice: {listed(twice)}; remove one line of each"
        )
    outside = [path for path in paths if ".." in path.split("/")]
    if outside:
        raise DataError(
            f"{table} names {counted(len(outside), 'folder')} with ..: {listed(outside)}; keep them below it"
        )


def _is_age(text: str) -> bool:
    try:
        years = float(text)
    except ValueError:
        return False
    return math.isfinite(years) and 0 <= years <= _OLDEST


def _photos(tree: Tree, path: str) -> list[Entry] | str:
    """The photos of one person in the order of their names, or what is wrong with the folder."""
    folder = tree.find(path)
    if folder is None or not folder.is_folder:
        return "no such folder"
    inside = tree.visible(folder.path)
    unknown = [entry.name for entry in inside if entry.stem.lower() not in MASK_OF_PHOTO or not entry.is_image]
    if unknown:
        return f"unknown {listed(unknown)}"
    stems = [entry.stem.lower() for entry in inside]
    twice = sorted(stem for stem, times in Counter(stems).items() if times > 1)
    if twice:
        return f"two files for {listed(twice)}"
    for entry in inside:
        tree.use(entry)
    return inside or "no photos"


def _without_images(labels: Sequence[int]) -> Iterator[str]:
    empty = [name for number, name in enumerate(CLASS_NAMES) if number not in set(labels)]
    if empty:
        yield f"{len(empty)} of {len(CLASS_NAMES)} classes have no image: {listed(empty)}"


def _not_listed(tree: Tree, base: str, paths: Sequence[str]) -> Iterator[str]:
    images = tree.find(_IMAGES) if base else None
    if images:
        known = {path.removeprefix(base).partition("/")[0] for path in paths}
        others = [entry.name for entry in tree.visible(images.path) if entry.is_folder and entry.name not in known]
        if others:
            yield f"{counted(len(others), 'folder')} not in {TABLE} left out: {listed(others)}"

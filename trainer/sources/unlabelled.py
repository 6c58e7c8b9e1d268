"""Pictures without labels: a folder of them in whatever depth, those that a table names, or arrays."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from trainer.sources.arrays import array_pictures
from trainer.sources.listing import SUFFIXES, Entry, Tree
from trainer.sources.named_arrays import Arrays
from trainer.sources.pictures import ArrayPictures, FilePictures
from trainer.sources.source import DataError
from trainer.sources.table import read_table
from trainer.sources.wording import counted, listed, shown

_ARRAYS = ("x", "X", "images", "image", "data")
_IMAGES = "images"  # where contests put the pictures beside their table


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """N pictures in the order in which they are to be answered."""

    where: str
    names: tuple[str, ...]
    pictures: FilePictures | ArrayPictures
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Listing:
    """A table that says which pictures are asked for, in which order: `info.csv` of a contest."""

    file: Path
    columns: tuple[str, str]  # of the name and of the answer, as they are written in it
    names: tuple[str, ...]
    answers: tuple[str, ...]  # what stands in their place; nothing is meant by it

    @classmethod
    def read(cls, file: Path) -> "Listing":
        """The first column names a picture, the second (if there is none: ans) is to be filled. DataError."""
        try:
            table = read_table(file)
        except OSError as error:
            raise DataError(f"{shown(file)} cannot be read ({error.strerror}): give the table of the contest") from None
        names = table.filled(table.columns[0])
        alone = len(table.columns) == 1
        title = "ans" if alone else table.titles[1]
        answers = [""] * len(names) if alone else table.column(table.columns[1])
        return cls(file, (table.titles[0], title), tuple(names), tuple(answers))


def pictures_at(where: Path, listing: Listing | None, follow_links: bool = False) -> Unlabelled:
    """Those of `listing`, or all below a folder by name. DataError where there are none, or listed ones are missing."""
    if where.is_dir():
        return _in_folder(where, listing, follow_links)
    if not where.exists():
        raise DataError(f"{shown(where)} does not exist: give a folder of pictures, one picture or an .npz file")
    if where.suffix.lower() == ".npz" and listing is None:
        return _in_arrays(where)
    if where.suffix.lower() in SUFFIXES and listing is None:
        return Unlabelled(shown(where), (where.name,), FilePictures([where], [where.name]))
    asked = "with a table of names give the folder of the pictures" if listing else "give a folder of pictures"
    raise DataError(f"{shown(where)} is a file that holds no pictures to answer: {asked}, one picture or an .npz file")


def _in_folder(where: Path, listing: Listing | None, follow_links: bool) -> Unlabelled:
    tree = Tree(where, follow_links)
    others: Counter[str] = Counter()
    try:
        entries = _below(tree, others) if listing is None else _listed(tree, listing)
    except OSError as error:
        raise DataError(f"{shown(where)} cannot be read ({error.strerror}): check its permissions") from None
    tree.check()
    if not entries:
        raise DataError(f"{shown(where)} holds no pictures: put some in, {' '.join(sorted(SUFFIXES))}, of any size")
    names = tuple(entry.relative for entry in entries) if listing is None else listing.names
    left_out = f"left out, by their names no pictures: {counted(others.total(), 'file')} ({listed(sorted(others))})"
    pictures = FilePictures([entry.path for entry in entries], names)
    return Unlabelled(shown(where), names, pictures, (left_out,) if others else ())


def _below(tree: Tree, others: Counter[str]) -> list[Entry]:
    """All pictures at any depth, in the order of their paths, where 2 stands before 10; counts `others` by suffix."""
    found: list[Entry] = []
    waiting = [(tree.root, frozenset({os.path.realpath(tree.root)}))]
    while waiting:
        folder, above = waiting.pop()
        for entry in tree.visible(folder):
            if not tree.use(entry):
                continue
            if not entry.is_folder:
                if entry.is_image:
                    found.append(entry)
                else:
                    others[entry.suffix.lower() or "no extension"] += 1
            elif (real := os.path.realpath(entry.path)) not in above:  # links in a ring
                waiting.append((entry.path, above | {real}))
    return sorted(found, key=lambda entry: (_by_number(entry.relative), entry.relative))


def _by_number(name: str) -> list[tuple[int, str]]:
    """`2.png` before `10.png`."""
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in re.split(r"(\d+)", name)]


def _listed(tree: Tree, listing: Listing) -> list[Entry]:
    found = [(name, _find(tree, name)) for name in listing.names]
    missing = [name for name, entry in found if entry is None]
    if missing:
        raise DataError(
            f"{shown(listing.file)} names {counted(len(missing), 'picture')} of {len(found):,} that "
            f"{'is' if len(missing) == 1 else 'are'} not in {shown(tree.root)}: {listed(missing)}; give the folder "
            "that holds them all"
        )
    return [entry for _, entry in found if entry is not None]


def _find(tree: Tree, name: str) -> Entry | None:
    path = name.replace("\\", "/").strip("/")
    if ".." in path.split("/"):
        return None
    for place in (path, f"{_IMAGES}/{path}"):
        if (entry := tree.find(place)) is not None and not entry.is_folder:
            return entry
    return None


def _in_arrays(file: Path) -> Unlabelled:
    """Opens without pickle, so that no code comes with the data."""
    try:
        arrays = Arrays.read(file)
    except OSError as error:
        raise DataError(f"{shown(file)} cannot be read ({error.strerror or error}): check it") from None
    name = arrays.choose(_ARRAYS, "images")
    parts = arrays.columns[name]
    if len(parts) > 1 and "test" not in parts:
        raise DataError(f"{arrays.where} holds {name} in {listed(parts)}: save those to be answered alone, as {name}")
    part = "test" if len(parts) > 1 else next(iter(parts))
    pixels = parts[part]
    pictures = array_pictures(arrays.where, name, pixels)
    names = tuple(f"{part} {number}".strip() for number in range(len(pixels)))
    return Unlabelled(arrays.where, names, pictures)

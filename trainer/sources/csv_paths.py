"""Paths as a CSV has them, and the files behind them."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from trainer.sources.listing import Tree, composed
from trainer.sources.source import DataError
from trainer.sources.table import Table
from trainer.sources.wording import counted, listed, shown

_LOOKED_FOR = 20  # missing files for which something similar is looked for


def composed_paths(table: Table, column: str, follow_links: bool) -> list[str]:
    """[N] relative to the folder of the CSV, with / and without dots. DataError for paths that lead out of it."""
    found, outside = [], []
    for line, cell in zip(table.lines, table.filled(column), strict=True):
        path = _relative(cell, table.file.parent)
        found.append(path)
        if path.startswith("../") or _is_absolute(path):
            outside.append(f"{cell} in line {line}")
    if outside and not follow_links:
        raise DataError(
            f"{shown(table.file)} names {counted(len(outside), 'file')} outside its folder: {listed(outside)}; "
            "move them into it, or allow them with --follow-links"
        )
    return found


def files_at(tree: Tree, where: str, names: Sequence[str], skip_broken: bool) -> list[Path]:
    """The files behind the names. DataError naming all that are missing, and links that lead out."""
    files, missing = [], []
    for name in names:
        outside = name.startswith("../") or _is_absolute(name)
        entry = None if outside else tree.find(name)
        files.append(tree.root / name if entry is None else entry.path)
        if entry is None and not (outside and files[-1].exists()):
            missing.append(name)
    tree.check()
    # One by one they may be left out; when all are missing, something else is wrong.
    if missing and (len(missing) == len(names) or not skip_broken):
        hint = _hint(tree, missing)
        raise DataError(
            f"{where} names {len(missing):,} of {len(names):,} files that are not there: {listed(missing)}{hint}; "
            "paths are relative to the folder of the CSV"
        )
    return files


def _relative(cell: str, folder: Path) -> str:
    text = cell.replace("\\", "/")
    if _is_absolute(text):
        try:  # from the folder as it was given, or as it is behind links
            ways = [os.path.relpath(text, base).replace("\\", "/") for base in (folder.absolute(), folder.resolve())]
        except ValueError:  # another drive of Windows
            return text
        text = min(ways, key=lambda way: way.startswith("../"))
    return composed(os.path.normpath(text).replace("\\", "/"))


def _is_absolute(text: str) -> bool:
    """On any system, for text written with /."""
    return text.startswith("/") or text[1:3] == ":/"


def _hint(tree: Tree, missing: Sequence[str]) -> str:
    """A file of nearly that name, or the folder in which the first missing one is."""
    for name in missing[:_LOOKED_FOR]:
        folder, _, wanted = name.rpartition("/")
        for beside in _listing(tree, folder):
            if beside.casefold() == wanted.casefold() or PurePosixPath(beside).stem == PurePosixPath(wanted).stem:
                return f" (did you mean {shown(beside)} instead of {shown(wanted)}?)"
    inside = [entry.name for entry in tree.visible(tree.root) if entry.is_folder]
    found = [folder for folder in inside if tree.find(f"{folder}/{missing[0]}")]
    return f" (found in {shown(found[0])}: did you mean to put the CSV there?)" if found else ""


def _listing(tree: Tree, folder: str) -> Sequence[str]:
    if folder.startswith("..") or _is_absolute(folder):
        return ()
    entry = tree.find(folder) if folder else None
    if folder and (entry is None or not entry.is_folder):
        return ()
    return list(tree.entries(entry.path if entry else tree.root))

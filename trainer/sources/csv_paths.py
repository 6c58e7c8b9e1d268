"""Paths as a CSV has them, and the files behind them."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath, PureWindowsPath

from trainer.sources.listing import Tree, composed
from trainer.sources.source import DataError
from trainer.sources.table import Table
from trainer.sources.wording import listed, shown


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
            f"{shown(table.file)} names {len(outside):,} files outside its folder: {listed(outside)}; move them into "
            f"it, or allow them with --follow-links"
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
        close = get_close_matches(missing[0].rpartition("/")[2], _beside(tree, missing[0]), n=1)
        hint = f" (did you mean {shown(close[0])}?)" if close else ""
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
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()


def _beside(tree: Tree, name: str) -> list[str]:
    folder = name.rpartition("/")[0]
    entry = tree.find(folder) if folder and not folder.startswith("..") else None
    if folder and (entry is None or not entry.is_folder):
        return []
    return list(tree.entries(entry.path if entry else tree.root))

"""What `--data` means, found by looking."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from trainer.sources.class_folders import class_folders
from trainer.sources.csv_manifest import csv_manifest, is_manifest
from trainer.sources.idx import idx_set, set_of
from trainer.sources.listing import Entry, Tree
from trainer.sources.mask_contest import COLUMNS, TABLE, mask_contest
from trainer.sources.npz import npz
from trainer.sources.source import DataError, Source, SourceOptions
from trainer.sources.suggestion import suggested_groups
from trainer.sources.table import header_of
from trainer.sources.targets import towards
from trainer.sources.wording import listed, shown

_ALLOWED = (
    "give digits or faces (built in), a folder with one folder of images per class, a CSV manifest, "
    "an idx set, an npz file or a mask contest folder"
)
_NO_TABLE = frozenset({".csv", ".tsv"})
_PACKED = frozenset({".zip", ".tar", ".tgz", ".7z", ".rar", ".gz", ".xz", ".bz2"})
_TAKES = {"label": ("csv", "npz"), "group": ("csv", "npz", "class folders")}


def open_source(spec: str | Path, options: SourceOptions | None = None) -> Source:
    """The source that `spec` names; its kind says as what it was read. DataError if it is none, or cannot be used.

    Opening lists files and reads tables and arrays; the bytes of image files are read by `digest` and `load`.
    """
    options = options or SourceOptions()
    source = _opened(spec, options)
    for name, kinds in _TAKES.items():
        if getattr(options, name) is not None and source.kind not in kinds:
            raise DataError(f"{source.kind} data take no --{name}, {_and(kinds)} do: leave it out")
    if source.groups is None and source.kind in ("class folders", "csv"):
        line = suggested_groups(source.names, source.labels, by_column=source.kind == "csv")
        source = replace(source, notes=(*source.notes, *([line] if line else ())))
    return source if options.target is None else towards(source, options.target)


def _opened(spec: str | Path, options: SourceOptions) -> Source:
    if isinstance(spec, str) and spec in _BUILT_IN:
        return _BUILT_IN[spec]()
    path = _expanded(spec)
    try:
        if str(spec) and path.is_dir():
            return _from_folder(path, options)
        if str(spec) and path.is_file():
            return _from_file(path, spec, options)
        siblings = [entry.name for entry in _beside(path)] if path.parent.is_dir() else []
    except OSError as error:  # no permission, a name too long, a share that is gone
        where = f": {_quoted(error.filename)}" if error.filename and Path(error.filename) != path else ""
        raise DataError(
            f"data {_quoted(spec)} cannot be read ({error.strerror or error}{where}): check the path and its "
            f"permissions, or {_ALLOWED}"
        ) from error
    close = get_close_matches(path.name, [*siblings, *_BUILT_IN], n=1)
    meant = path.with_name(close[0]) if close and close[0] in siblings else close[0] if close else ""
    hint = f"; did you mean {meant}?" if close else ""
    raise DataError(f"data {_quoted(spec)} is neither known nor an existing folder or file{hint}: {_ALLOWED}")


def _from_folder(folder: Path, options: SourceOptions) -> Source:
    for root in (folder, folder / "train", folder.parent if folder.resolve().name == "images" else folder):
        if _is_contest(root):
            return mask_contest(root, options)
    tree = Tree(folder)
    entries = tree.visible(tree.root)
    files = [entry for entry in entries if not entry.is_folder]
    if idx := [entry.path for entry in files if set_of(entry.name) is not None]:
        return idx_set(idx, folder)
    tables = [entry for entry in files if entry.suffix.lower() in _NO_TABLE]
    manifests = [entry for entry in tables if is_manifest(header_of(entry.path), options)]
    if len(manifests) > 1:
        raise DataError(
            f"{shown(folder)} holds {len(manifests)} manifests, {_names(manifests)}: give the path of the one to read"
        )
    folders = any(entry.is_folder for entry in entries)
    if manifests or (len(tables) == 1 and not folders):
        (manifest,) = manifests or tables
        source = csv_manifest(manifest.path, options, name=tree.name)
        return replace(source, notes=(f"read as {manifest.name} in the folder says", *source.notes))
    arrays = [entry for entry in files if entry.suffix.lower() == ".npz"]
    if len(arrays) == 1 and not folders:
        return npz(arrays[0].path, options)
    if arrays and not folders:
        raise DataError(f"{shown(folder)} holds {len(arrays)} npz files, {_names(arrays)}: give the path of one")
    return class_folders(folder, options)


def _from_file(file: Path, spec: str | Path, options: SourceOptions) -> Source:
    suffix = file.suffix.lower()
    if file.name == TABLE and _is_contest(file.parent):
        return mask_contest(file.parent, options)
    if (chosen := set_of(file.name)) is not None:
        return idx_set([entry.path for entry in _beside(file) if set_of(entry.name) == chosen], file.parent)
    if suffix in _NO_TABLE:
        return csv_manifest(file, options)
    if suffix == ".npz":
        return npz(file, options)
    advice = "unpack it and " if suffix in _PACKED else ""
    raise DataError(f"data {_quoted(spec)} is a file of a kind that is not read: {advice}{_ALLOWED}")


def _is_contest(root: Path) -> bool:
    table = root / TABLE
    return table.is_file() and set(header_of(table)) >= COLUMNS


def _beside(path: Path) -> list[Entry]:
    tree = Tree(path.parent)
    return tree.visible(tree.root)


def _and(kinds: Sequence[str]) -> str:
    return f"{', '.join(kinds[:-1])} and {kinds[-1]}"


def _names(entries: list[Entry]) -> str:
    return listed(entry.name for entry in entries)


def _expanded(spec: str | Path) -> Path:
    """With `~` resolved. DataError for a home that does not exist and for a name no path can have."""
    if "\0" in str(spec):
        raise DataError(f"data {_quoted(spec)} holds a NUL character, which no path can: retype it")
    try:
        return Path(spec).expanduser()
    except RuntimeError as error:
        raise DataError(f"data {_quoted(spec)} names a home folder nobody has: write the path out") from error


def _quoted(spec: str | Path) -> str:
    """On one line, of a length that can be read."""
    quoted = repr(str(spec))
    return quoted if len(quoted) <= 200 else f"{quoted[:99]}...{quoted[-98:]}"


def _digits() -> Source:
    from trainer.sources.digits import digits  # scikit-learn takes a second to import

    return digits()


def _faces() -> Source:
    from trainer.sources.faces import faces

    return faces()


_BUILT_IN: dict[str, Callable[[], Source]] = {"digits": _digits, "faces": _faces}

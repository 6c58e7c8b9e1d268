"""A CSV manifest: one line an image, `path,label[,group][,split]`, paths relative to the folder of the CSV."""

from collections.abc import Sequence
from pathlib import Path

from trainer.sources.columns import (
    SPLIT_WORDS,
    check_classes,
    check_groups,
    class_order,
    group_notes,
    numbered,
    official,
)
from trainer.sources.csv_paths import composed_paths, files_at
from trainer.sources.listing import Tree, composed
from trainer.sources.pictures import FilePictures
from trainer.sources.source import DataError, Flags, Source, SourceOptions
from trainer.sources.table import Table, read_table
from trainer.sources.wording import counted, listed, shown

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")


def path_column(columns: Sequence[str]) -> str | None:
    return next((name for name in PATH_COLUMNS if name in columns), None)


def is_manifest(columns: Sequence[str], options: SourceOptions) -> bool:
    """Whether a file with this header can be opened with these options."""
    return path_column(columns) is not None and (options.label or "label").lower() in columns


def csv_manifest(file: Path, options: SourceOptions, name: str | None = None) -> Source:
    """Lists the images in the order of their paths, so that the order of lines does not matter."""
    table = read_table(file)
    where = shown(file)
    column = path_column(table.columns)
    if column is None:
        raise DataError(
            f"{where} has no column path: its columns are {listed(table.columns)}, needed are path and label; "
            "the first line must name them"
        )
    if options.label is None and "label" not in table.columns:
        raise DataError(
            f"{where} has no column label: its columns are {listed(table.columns)}; name the one with --label NAME"
        )
    tree = Tree(file.parent, options.follow_links)
    written = composed_paths(table, column, options.follow_links)
    labels = table.filled(options.label or "label")
    _refuse_repeated(table, written, labels)
    order = sorted(range(len(written)), key=written.__getitem__)
    names = tuple(written[row] for row in order)
    files = files_at(tree, where, names, options.skip_broken)
    texts = [labels[row] for row in order]
    unseen = [text for text in texts if not text.isprintable()]
    if unseen:
        raise DataError(f"{where} has a label that cannot be shown, {shown(unseen[0])}: rename it")
    groups = _sorted(_optional(table, options.group, "group"), order)
    test, notes = _split(table, order)
    class_names = class_order(texts)
    numbers = numbered(texts, class_names)
    check_classes(where, class_names, numbers, test)
    check_groups(where, groups, test)
    pictures = FilePictures(files, names, options.cache, options.skip_broken)
    return Source(
        kind="csv",
        name=name or shown(composed(file.stem)),
        class_names=class_names,
        names=names,
        labels=numbers,
        pictures=pictures,
        groups=None if groups is None else numbered(groups),
        official_test=test,
        default_channels=pictures.channels(),
        detailed=True,
        notes=(*notes, *group_notes(groups)),
    )


def _refuse_repeated(table: Table, paths: list[str], labels: list[str]) -> None:
    first: dict[str, int] = {}
    again, torn = [], []
    for row, path in enumerate(paths):
        before = first.setdefault(path, row)
        lines = f"lines {table.lines[before]} and {table.lines[row]}"
        if before != row and labels[before] != labels[row]:
            torn.append(f"{path} ({labels[before]} and {labels[row]} in {lines})")
        elif before != row:
            again.append(f"{path} ({lines})")
    where = shown(table.file)
    if torn:
        raise DataError(f"{where} gives {counted(len(torn), 'image')} two labels: {listed(torn)}; keep one of them")
    if again:
        raise DataError(
            f"{shown(table.file)} names {counted(len(again), 'image')} twice: {listed(again)}; remove one line of each"
        )


def _optional(table: Table, asked: str | None, usual: str) -> list[str] | None:
    """The column asked for, else the usual one where it is there and not wholly empty."""
    if asked is not None:
        return table.filled(asked)
    return table.filled(usual) if usual in table.columns and any(table.column(usual)) else None


def _split(table: Table, order: list[int]) -> tuple[Flags | None, tuple[str, ...]]:
    words = _sorted(_optional(table, None, "split"), order)
    if words is None:
        return None, ()
    unknown = sorted({word for word in words if word.lower() not in SPLIT_WORDS})
    if unknown:
        raise DataError(f"{shown(table.file)} has split {listed(unknown)}: known are {', '.join(SPLIT_WORDS)}")
    return official(words)


def _sorted(cells: list[str] | None, order: list[int]) -> list[str] | None:
    return None if cells is None else [cells[row] for row in order]

"""A folder of class folders: `photos/cat/1.jpg`; or such folders below `train` and `test`."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from trainer.sources.columns import SPLIT_WORDS, check_classes, check_groups, group_notes, numbered, official
from trainer.sources.listing import SUFFIXES, Entry, Tree
from trainer.sources.pictures import FilePictures
from trainer.sources.source import DataError, Source, SourceOptions
from trainer.sources.wording import counted, listed, shown

_LAYOUT = "expected one folder per class with the images directly inside, such as cat/1.jpg"


def class_folders(root: Path, options: SourceOptions) -> Source:
    """Lists the files and refuses a wrong layout; the bytes are read when the digest or the images are asked for."""
    tree = Tree(root, options.follow_links)
    root = tree.root
    sides = _official_sides(tree)
    found = [image for side in sides or (root,) for image in _images(tree, side)]
    tree.check()
    names = tuple(image.relative for _, image in found)
    class_names = tuple(sorted({label for label, _ in found}))
    labels = numbered([label for label, _ in found], class_names)
    test, notes = official([name.partition("/")[0] for name in names]) if sides else (None, ())
    groups = None if options.group is None else _groups(names, options.group)
    check_classes(shown(root), class_names, labels, test)
    check_groups(shown(root), groups, test)
    pictures = FilePictures([image.path for _, image in found], names, options.cache, options.skip_broken)
    return Source(
        kind="class folders",
        name=tree.name,
        class_names=class_names,
        names=names,
        labels=labels,
        pictures=pictures,
        groups=None if groups is None else numbered(groups),
        official_test=test,
        default_channels=pictures.channels(),
        detailed=True,
        notes=(*notes, *group_notes(groups), *_left_out(tree, found)),
    )


def _official_sides(tree: Tree) -> list[Path]:
    """The folders train, test or val, when those are all there is and each holds folders; else none."""
    entries = tree.visible(tree.root)
    inside = [entry for entry in entries if entry.is_folder]
    sides = {SPLIT_WORDS.get(entry.name.lower()) for entry in inside}
    if None in sides or len(sides) < 2 or any(entry.is_image for entry in entries):
        return []
    whole = all(any(deeper.is_folder for deeper in tree.visible(entry.path)) for entry in inside)
    return [entry.path for entry in inside] if whole else []


def _images(tree: Tree, root: Path) -> Iterator[tuple[str, Entry]]:
    """(class, image), in the order of their names. DataError for a layout that would lose images in silence."""
    entries = tree.visible(root)
    folders = [entry for entry in entries if entry.is_folder]
    stray = [entry.name for entry in entries if entry.is_image and not entry.is_folder]
    if not folders:
        what = f"{counted(len(stray), 'image')} but no class folders" if stray else "nothing to train on"
        raise DataError(f"{shown(root)} holds {what}: {_LAYOUT}")
    if stray:
        what = f"{counted(len(stray), 'image')} outside its class folders, such as {shown(stray[0])}"
        raise DataError(f"{shown(root)} holds {what}: {_LAYOUT}")
    for folder in folders:
        if not folder.name.isprintable():  # such as bytes of another encoding, which no database or terminal takes
            raise DataError(f"class folder {folder.name!a} in {shown(root)} has a name that cannot be shown: rename it")
        yield from ((folder.name, image) for image in _images_of(tree, folder, root))


def _images_of(tree: Tree, folder: Entry, root: Path) -> list[Entry]:
    inside = tree.visible(folder.path)
    images = [entry for entry in inside if entry.is_image]
    for entry in (folder, *images):
        tree.use(entry)
    nested = [entry for entry in inside if _is_subfolder(entry) and tree.use(entry) and _holds_images(tree, entry.path)]
    if nested:
        deep = f"{folder.name}/{nested[0].name}"
        several = not images and len(nested) > 1
        hint = f"did you mean {shown(folder.path)}?" if several else f"move them up to {folder.name}"
        raise DataError(f"{shown(root)} holds images two folders deep, in {shown(deep)}: {_LAYOUT}; {hint}")
    if not images:
        other = sorted({entry.suffix for entry in inside if not entry.is_folder and entry.suffix})
        seen = f" (only {', '.join(other)})" if other else ""
        known = " ".join(sorted(SUFFIXES))
        raise DataError(f"class folder {shown(folder.path)} holds no images{seen}: put some in, {known}, or remove it")
    return images


def _is_subfolder(entry: Entry) -> bool:
    return entry.is_folder and not entry.is_image  # a folder called cat.jpg is named as unreadable later


def _holds_images(tree: Tree, folder: Path) -> bool:
    """At any depth; each folder is looked into once, whatever links lead to it."""
    waiting, seen = [folder], {os.path.realpath(folder)}
    while waiting:
        for entry in tree.visible(waiting.pop()):
            if entry.is_image:
                return True
            real = os.path.realpath(entry.path) if entry.is_folder else ""
            if real and real not in seen and tree.use(entry):
                seen.add(real)
                waiting.append(entry.path)
    return False


def _groups(names: tuple[str, ...], pattern: str) -> list[str]:
    """The group of each path: what the first parentheses of `pattern` match, or all of it where it has none."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DataError(
            f"--group {shown(pattern)} is no regular expression ({error}): write one that is found in every path, "
            r"such as --group '(person\d+)'"
        ) from error
    matches = [compiled.search(name) for name in names]
    groups = [match[min(1, compiled.groups)] if match else None for match in matches]
    without = [name for name, group in zip(names, groups, strict=True) if not group]
    if without:
        raise DataError(
            f"--group {shown(pattern)} names no group in {len(without):,} of {len(names):,} paths, such as "
            f"{shown(without[0])}: it is searched in the path as written here and must match in every one"
        )
    return [group for group in groups if group]


def _left_out(tree: Tree, found: list[tuple[str, Entry]]) -> tuple[str, ...]:
    """A note on files beside the images that are none by their names."""
    one_each = {image.relative.rpartition("/")[0]: image for _, image in found}
    inside = chain.from_iterable(tree.visible(image.path.parent) for image in one_each.values())
    kinds = Counter(
        entry.suffix.lower() or "no extension" for entry in inside if not entry.is_image and not entry.is_folder
    )
    if not kinds:
        return ()
    return (f"left out, by their names no images: {counted(kinds.total(), 'file')} ({listed(sorted(kinds))})",)

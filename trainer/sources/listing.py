"""What stands in a data folder: entries by composed name, links watched, the litter of desktops left out."""

import errno
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainer.sources.source import DataError
from trainer.sources.wording import counted, listed, shown

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
_DESKTOP = frozenset({"thumbs.db", "desktop.ini", "__macosx", "icon\r"})
_WINDOWS_LOOP = 1921  # the name of the file cannot be resolved by the system


def composed(text: str) -> str:
    """NFC: a copy made by macOS, which decomposes accents and Hangul, is the same."""
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class Entry:
    """One file or folder; links are looked through. `relative` is composed, `path` as the file system has it."""

    path: Path
    relative: str  # to the root, with /
    is_folder: bool
    is_link: bool
    is_loop: bool = False  # a link to itself or to a folder above it

    @cached_property
    def name(self) -> str:
        return self.relative.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return self.name.removesuffix(self.suffix)

    @cached_property
    def suffix(self) -> str:
        """With its dot, as it is written; empty if there is none."""
        stem, dot, end = self.name.rpartition(".")
        return dot + end if stem else ""

    @property
    def is_image(self) -> bool:
        """By its name: that there is no readable picture behind it is found, and said of all at once, when read."""
        return self.suffix.lower() in SUFFIXES

    @property
    def is_hidden(self) -> bool:
        return self.name.startswith((".", "~", "@")) or self.name.lower() in _DESKTOP


class Tree:
    """The entries at and below `root`, each folder listed once. Links that lead out of it are noted for `check`."""

    def __init__(self, root: Path, follow_links: bool = False) -> None:
        self.root = root.resolve()
        self._follow = follow_links
        self._listed: dict[Path, Mapping[str, Entry]] = {}
        self._relative: dict[Path, str] = {}
        self._leading_out: dict[str, str] = {}

    @property
    def name(self) -> str:
        return shown(composed(self.root.name)) or "data"

    def entries(self, folder: Path) -> Mapping[str, Entry]:
        """By composed name, hidden ones included. Raises OSError, and DataError where two would be one."""
        if folder not in self._listed:
            below = "" if folder == self.root else f"{self._relative[folder]}/"
            with os.scandir(folder) as found:
                entries = [self._entry(item, below) for item in found]
            self._listed[folder] = {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}
            if len(self._listed[folder]) < len(entries):
                raise DataError(f"{shown(folder)} holds two names that differ in how accents are coded: rename one")
        return self._listed[folder]

    def visible(self, folder: Path) -> list[Entry]:
        """What is not hidden and no litter of a desktop, sorted by name, by code point. DataError for link loops."""
        found = [entry for entry in self.entries(folder).values() if not entry.is_hidden]
        for entry in found:
            if entry.is_loop:
                where = shown(entry.path)
                raise DataError(f"{where} is a link that leads back to itself or to a folder above it: remove the link")
        return found

    def find(self, relative: str) -> Entry | None:
        """The entry at `relative`, written with / and without `..`, in whatever composition; None if there is none."""
        folder, entry = self.root, None
        for part in composed(relative).split("/"):
            entry = self.entries(folder).get(part) if entry is None or entry.is_folder else None
            if entry is None:
                return None
            self.use(entry)
            folder = entry.path
        return entry

    def use(self, entry: Entry) -> bool:
        """Whether `entry` may be used: it is no link, or one inside the folder, or any may be followed. See `check`."""
        if not entry.is_link or self._follow:
            return True
        target = Path(os.path.realpath(entry.path))
        if not target.is_relative_to(self.root):
            self._leading_out[entry.relative] = str(target)
        return entry.relative not in self._leading_out

    def check(self) -> None:
        """DataError naming every entry that was to be used and may not be."""
        if self._leading_out:
            named = listed(f"{link} -> {target}" for link, target in self._leading_out.items())
            raise DataError(
                f"{counted(len(self._leading_out), 'link')} out of {shown(self.root)}: {named}; copy what they stand "
                "for into the folder, or allow them with --follow-links"
            )

    def _entry(self, item: "os.DirEntry[str]", below: str) -> Entry:
        path, is_link = Path(item.path), item.is_symlink()
        try:
            is_folder, is_loop = item.is_dir(), False
        except OSError as error:
            is_loop = error.errno == errno.ELOOP or getattr(error, "winerror", None) == _WINDOWS_LOOP
            is_folder = False
        if is_link and is_folder:
            is_loop = Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(path))
        entry = Entry(path, f"{below}{composed(item.name)}", is_folder, is_link, is_loop)
        if is_folder:
            self._relative[path] = entry.relative
        return entry

"""What stands in a data folder: entries by composed name, links watched, the litter of desktops left out."""

import errno
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainer.sources.source import DataError
from trainer.sources.wording import listed, shown

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
_DESKTOP = frozenset({"thumbs.db", "desktop.ini", "__macosx", "icon\r"})
_WINDOWS_LOOP = 1921  # the name of the file cannot be resolved by the system


def composed(text: str) -> str:
    """NFC: a copy made by macOS, which decomposes accents and Hangul, is the same."""
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class Entry:
    """One file or folder; links are looked through. `name` is composed, `path` as the file system has it."""

    path: Path
    name: str
    is_folder: bool
    is_link: bool

    @property
    def is_image(self) -> bool:
        """By its name: that there is no readable picture behind it is found, and said of all at once, when read."""
        return PurePosixPath(self.name).suffix.lower() in SUFFIXES

    @property
    def is_hidden(self) -> bool:
        return self.name.startswith((".", "~", "@")) or self.name.lower() in _DESKTOP


class Tree:
    """The entries at and below `root`, each folder listed once. Links that lead out of it are noted for `check`."""

    def __init__(self, root: Path, follow_links: bool = False) -> None:
        self.root = root.resolve()
        self._follow = follow_links
        self._listed: dict[Path, Mapping[str, Entry]] = {}
        self._leading_out: dict[Path, str] = {}

    @property
    def name(self) -> str:
        return shown(composed(self.root.name)) or "data"

    def entries(self, folder: Path) -> Mapping[str, Entry]:
        """By composed name, hidden ones included. Raises OSError, and DataError for a link into itself."""
        if folder not in self._listed:
            with os.scandir(folder) as found:
                entries = [self._entry(item) for item in found]
            self._listed[folder] = {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}
        return self._listed[folder]

    def visible(self, folder: Path) -> list[Entry]:
        """What is not hidden and no litter of a desktop, sorted by composed name, by code point."""
        return [entry for entry in self.entries(folder).values() if not entry.is_hidden]

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
            self._leading_out[entry.path] = str(target)
        return entry.path not in self._leading_out

    def check(self) -> None:
        """DataError naming every entry that was to be used and may not be."""
        if self._leading_out:
            named = listed(f"{self.relative(path)} -> {target}" for path, target in self._leading_out.items())
            raise DataError(
                f"{len(self._leading_out)} links in {shown(self.root)} lead out of it: {named}; copy what they stand "
                "for into the folder, or allow them with --follow-links"
            )

    def relative(self, path: Path) -> str:
        return composed(path.relative_to(self.root).as_posix())

    def _entry(self, item: "os.DirEntry[str]") -> Entry:
        path, is_link = Path(item.path), item.is_symlink()
        try:
            is_folder = item.is_dir()
        except OSError as error:
            if error.errno == errno.ELOOP or getattr(error, "winerror", None) == _WINDOWS_LOOP:
                raise _loop(path) from error
            is_folder = False
        if is_link and is_folder and Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(path)):
            raise _loop(path)
        return Entry(path, composed(item.name), is_folder, is_link)


def _loop(path: Path) -> DataError:
    return DataError(f"{shown(path)} is a link that leads back to itself or to a folder above it: remove the link")

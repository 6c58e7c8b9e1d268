"""What a report leaves in the run folder, and how a launch keeps it current."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from search.figures import Figures
from search.folder import RunFolder, file_name
from search.options import make_folder
from search.snapshot import Snapshot

PAGE, TABLE, FIGURES = "report.html", "EXPERIMENTS.md", "figures"
EVERY_SECONDS = 30.0


def write_report(snapshot: Snapshot, folder: RunFolder, figures: Figures | None = None) -> Sequence[str]:
    """Write both files, each whole or not at all, and the figures of the page one by one; the names of the two."""
    from search.experiments import experiments
    from search.report_page import page

    folder.write_text(TABLE, experiments(snapshot))
    told = folder.path / "data.txt"
    data_text = told.read_text(encoding="utf-8", errors="replace") if told.is_file() else ""
    figures = figures or Figures()
    folder.write_text(PAGE, page(snapshot, figures, data_text))
    apart = RunFolder(make_folder(folder.path / FIGURES))
    for name, svg in figures.drawn.items():
        apart.write_text(f"{file_name(name)}.svg", svg)
    return PAGE, TABLE


class Current:
    """Writes the report when something was decided, at most every half minute; never harms the study."""

    def __init__(self, folder: RunFolder, every: float = EVERY_SECONDS) -> None:
        self._folder, self._every, self._figures = folder, every, Figures()
        self._written: Any = None
        self._at = time.monotonic()
        self._warned = False

    def look(self, snapshot: Snapshot) -> None:
        """Write if there is news and it is time."""
        if self._news(snapshot) != self._written and time.monotonic() - self._at >= self._every:
            self.write(snapshot)

    def write(self, snapshot: Snapshot) -> Sequence[str]:
        """Write now; the names of the files, none of them and a warning when that failed."""
        try:
            self._written, names = self._news(snapshot), write_report(snapshot, self._folder, self._figures)
        except Exception as error:  # noqa: BLE001 - a study is worth more than the page about it
            if not self._warned:
                print(f"warning: the report could not be written ({_line(error)}); the study goes on", file=sys.stderr)
            self._warned, names = True, ()
        self._at = time.monotonic()
        return names

    def there(self) -> Sequence[str]:
        """The names of the files, if both have been written before."""
        return (PAGE, TABLE) if all((self._folder.path / name).is_file() for name in (PAGE, TABLE)) else ()

    @staticmethod
    def _news(snapshot: Snapshot) -> Any:
        decided = [(line.name, line.verdict is not None, line.claim is not None) for line in snapshot.stages]
        return decided, snapshot.rules is not None, snapshot.headline is not None, snapshot.test is not None


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]

"""Progress of a launch on a terminal, on a screen of its own that is drawn anew; it only reads."""

import contextlib
import os
import socket
import sys
import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from search.edge import speaks_unicode
from search.pace import EpochRate
from search.progress import clock
from search.screen import View, leader, screen
from search.snapshot import Snapshot
from storage.errors import StorageError


def can_redraw() -> bool:
    """Whether stdout is a terminal that can be drawn anew."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


class LiveScreen:
    """Drawn on the terminal's other screen, whole each time: a resized window keeps no debris, and what stood on the
    terminal before is there again afterwards, with what had to be said below it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._unicode = speaks_unicode()  # asked before the live view takes stdout over
        self._began = time.monotonic()
        self._said: list[str] = []
        self._rates: dict[str, EpochRate] = {}
        self._curves: dict[str, tuple[int, list[float]]] = {}
        self._open = True
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=True)
        self._live.start()

    def show(self, *studies: Snapshot) -> None:
        """Several studies one below the other, each in its share of the height."""
        width, height = self._console.size
        lines: list[Text] = []
        for number, snapshot in enumerate(studies, 1):
            room = height * number // len(studies) - len(lines) - (number < len(studies))
            told = screen(self._view(snapshot, last=number == len(studies)), width, room, self._unicode)
            lines += told if number == len(studies) else [*told, Text()]
        self._live.update(Group(*lines), refresh=True)

    def _view(self, snapshot: Snapshot, last: bool) -> View:
        rate = self._rates.setdefault(snapshot.study.name, EpochRate())
        rate.add(snapshot)
        return View(
            snapshot,
            elapsed=time.monotonic() - self._began,
            host=socket.gethostname(),
            curve=self._leaders_curve(snapshot),
            epochs_per_second=rate.value,
            news=self._said if last else (),
        )

    def say(self, line: str) -> None:
        told = f"[{clock(time.monotonic() - self._began)}] {line}"
        self._said.append(told)
        if not self._open:
            self._console.print(Text(told))

    def close(self) -> None:
        if self._open:
            self._open = False
            self._live.stop()
            for line in self._said:
                self._console.print(Text(line))

    def _leaders_curve(self, snapshot: Snapshot) -> list[float]:
        """Read once per leader: its run has ended."""
        best = leader(snapshot)
        if best is None:
            return []
        trial, curve = self._curves.get(snapshot.study.name, (-1, []))
        if best.trial_id != trial:
            with contextlib.suppress(StorageError):
                curve = [epoch.score for epoch in snapshot.study.store.epochs(best.trial_id)]
                self._curves[snapshot.study.name] = trial, curve = best.trial_id, curve
        return curve if trial == best.trial_id else []

"""Whether a worker should go: it was asked to by a signal, or the launcher that started it is gone."""

import math
import signal
import threading
import time
from types import FrameType

import psutil


class Leaving:
    """True once SIGINT, SIGTERM or SIGHUP (Windows: SIGBREAK) arrived or process `launcher` ended. Main thread only."""

    def __init__(self, launcher: int | None) -> None:
        self._asked = threading.Event()
        self._since = math.inf
        try:
            self._launcher = psutil.Process(launcher) if launcher is not None else None
        except psutil.NoSuchProcess:
            self._launcher = None
            self._note()
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._ask)

    def __call__(self) -> bool:
        if self._launcher is not None and not self._launcher.is_running():
            self._note()
        return self._asked.is_set()

    @property
    def seconds(self) -> float:
        """Since it was asked; 0 before."""
        return max(0.0, time.monotonic() - self._since)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the moment of being asked."""
        self._asked.wait(seconds)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._note()

    def _note(self) -> None:
        self._since = min(self._since, time.monotonic())
        self._asked.set()

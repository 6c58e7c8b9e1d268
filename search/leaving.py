"""Whether a worker should go: a signal, a launcher that is gone, a study that was stopped, or nothing left to do."""

import math
import signal
import threading
import time
from types import FrameType

import psutil


class Leaving:
    """True once SIGINT, SIGTERM or SIGHUP (Windows: SIGBREAK) arrived or process `launcher` ended. Main thread only.

    A SIGHUP that is ignored from the start (nohup) stays ignored.
    """

    def __init__(self, launcher: int | None) -> None:
        self._asked, self._woken = threading.Event(), threading.Event()
        self._since = math.inf
        self.interrupted = False
        """Whether it goes for a reason of this host, so that its launcher did not see to it otherwise."""
        try:
            self._launcher = psutil.Process(launcher) if launcher is not None else None
        except psutil.NoSuchProcess:
            self._launcher = None
            self._interrupt()
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            if hasattr(signal, name) and not (name == "SIGHUP" and ignored(name)):
                signal.signal(getattr(signal, name), self._ask)

    def __call__(self) -> bool:
        """Whether to go at the end of this epoch."""
        if self._launcher is not None and not _alive(self._launcher):
            self._interrupt()
        return self._asked.is_set()

    def soon(self) -> bool:
        """Whether to go at the end of this trial."""
        return self() or self._woken.is_set()

    def after_trial(self) -> None:
        """Go once the trial that runs has ended. From any thread."""
        self._woken.set()

    def after_epoch(self) -> None:
        """Go once the epoch that runs has ended. From any thread."""
        self._since = min(self._since, time.monotonic())
        self._asked.set()
        self._woken.set()

    @property
    def seconds(self) -> float:
        """Since it was asked to go at once; 0 before."""
        return max(0.0, time.monotonic() - self._since)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the moment of being asked."""
        self._woken.wait(seconds)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._interrupt()

    def _interrupt(self) -> None:
        self.interrupted = True
        self.after_epoch()


def _alive(process: psutil.Process) -> bool:
    """Whether it runs: one that was killed and that nobody has waited for yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ignored(name: str) -> bool:
    """Whether this process was started with that signal ignored."""
    return signal.getsignal(getattr(signal, name)) == signal.SIG_IGN

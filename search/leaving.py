"""Whether a worker should go: a signal, no launcher, a stopped study, nothing left to do, or no time."""

import math
import signal
import threading
import time
from types import FrameType

import psutil

from search.interruption import ignored


class Leaving:
    """True once SIGINT, SIGTERM or SIGHUP (Windows: SIGBREAK) arrived or process `launcher` ended. Main thread only.

    Also at `ends_at`, in seconds since 1970. A SIGHUP that is ignored from the start (nohup) stays ignored.
    """

    def __init__(self, launcher: int | None, ends_at: float = math.inf) -> None:
        self._asked, self._woken = threading.Event(), threading.Event()
        self._since, self.ends_at = math.inf, ends_at
        self.out_of_time = False
        """Whether it goes because the time of this host is over."""
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

    def __call__(self, another: float = 0.0) -> bool:
        """Whether to go at the end of this epoch; `another` epoch would take so many seconds."""
        if time.time() + another >= self.ends_at and not self._asked.is_set():
            self.no_time()
            self.after_epoch()
        if self._launcher is not None and not _alive(self._launcher):
            self._interrupt()
        return self._asked.is_set()

    def soon(self) -> bool:
        """Whether to go at the end of this trial."""
        return self() or self._woken.is_set()

    def after_trial(self) -> None:
        """Go once the trial that runs has ended. From any thread."""
        self._woken.set()

    def no_time(self) -> None:
        """Go once the trial that runs has ended, for there is no time for another. From any thread."""
        self.out_of_time = True
        self.after_trial()

    def after_epoch(self) -> None:
        """Go once the epoch that runs has ended. From any thread."""
        self._since = min(self._since, time.monotonic())
        self._asked.set()
        self._woken.set()

    @property
    def seconds(self) -> float:
        """Since it was asked to go at once; 0 before."""
        self()
        return max(0.0, time.monotonic() - self._since)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the moment of being asked."""
        self._woken.wait(seconds)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._interrupt()

    def _interrupt(self) -> None:
        self.interrupted = True
        self.after_epoch()


class LeavingStudy(Leaving):
    """The same for one of several studies that a worker serves: it may leave that one alone, and goes on with others.

    Whatever is of the whole worker (signals, its launcher, its time) is of the worker's own `Leaving`.
    """

    def __init__(self, worker: Leaving) -> None:
        self._worker = worker
        self._asked, self._woken = threading.Event(), threading.Event()
        self._since, self.ends_at = math.inf, worker.ends_at

    def __call__(self, another: float = 0.0) -> bool:
        return self._worker(another) or self._asked.is_set()

    def soon(self) -> bool:
        return self._worker.soon() or self._woken.is_set()

    def no_time(self) -> None:
        self._worker.no_time()

    @property
    def seconds(self) -> float:
        return max(self._worker.seconds, max(0.0, time.monotonic() - self._since))

    def pause(self, seconds: float) -> None:
        self._worker.pause(seconds)


def _alive(process: psutil.Process) -> bool:
    """Whether it runs: one that was killed and that nobody has waited for yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

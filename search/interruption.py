"""Ctrl-C and its kin, heard between two steps: raised inside of a driver or a pool, they break what they hit, and what
comes out is another exception.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

INSISTS_SECONDS = 1.0  # a closing terminal says it twice at once; a person who says it again later means now


class Interruption:
    """Whether SIGINT, SIGTERM or SIGHUP arrived."""

    def __init__(self) -> None:
        self._heard = threading.Event()
        self._since: float | None = None

    def check(self) -> None:
        """Raises KeyboardInterrupt once a signal was heard."""
        if self._heard.is_set():
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """At most so long, and not past a signal; then as `check`."""
        self._heard.wait(seconds)
        self.check()

    def hear(self, number: int, frame: FrameType | None) -> None:
        """As a signal handler. Raises KeyboardInterrupt wherever the program is when it is told again after a while."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._heard.set()
        elif now - self._since >= INSISTS_SECONDS:
            raise KeyboardInterrupt


@contextlib.contextmanager
def heard() -> Iterator[Interruption]:
    """Inside, signals to end are kept until somebody checks. Main thread only. Under nohup a SIGHUP stays ignored."""
    interruption = Interruption()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    names = [name for name in names if name == "SIGTERM" or not ignored(name)]
    before = {name: signal.signal(getattr(signal, name), interruption.hear) for name in names}
    try:
        yield interruption
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def caused_by_interrupt(error: BaseException | None) -> bool:
    """Whether `error` came out while a KeyboardInterrupt was on its way."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def ignored(name: str) -> bool:
    """Whether this process was started with that signal ignored."""
    return signal.getsignal(getattr(signal, name)) == signal.SIG_IGN

"""The deadline over every transaction of an engine: a server that is stopped, not dead, acknowledges on the network and
never answers, so that only the client can give up."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, event

DEADLINE_SECONDS = 60.0


class Deadline:
    """Cuts the one PostgreSQL connection of an engine when a transaction is not over in time; the call then fails.

    The check of a pooled connection counts as well, so the connection is remembered when it is made. One thread watches
    for all transactions, one after the other; it ends when there was none for as long as one may take.
    """

    def __init__(self, engine: Engine, seconds: float = DEADLINE_SECONDS) -> None:
        self._seconds = seconds
        self._driver: Any = None
        self._changed = threading.Condition()
        self._cut_at: float | None = None  # of the transaction that runs
        self._watches = False
        self._watched = engine.dialect.name == "postgresql"
        if self._watched:
            event.listen(engine, "connect", self._remember)

    @property
    def seconds(self) -> float:
        """That a transaction may take which begins from now on."""
        return self._seconds

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        with self._changed:
            self._seconds = seconds
            self._changed.notify()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if not self._watched:
            yield
            return
        with self._changed:
            self._cut_at = time.monotonic() + self._seconds
            if not self._watches:
                self._watches = True
                threading.Thread(target=self._watch, name="deadline", daemon=True).start()
        try:
            yield
        finally:
            with self._changed:
                self._cut_at = None

    def _watch(self) -> None:
        """Asleep, it need not be told of a transaction that begins: that one's deadline is later than it wakes."""
        idle = False
        with self._changed:
            while not (idle and self._cut_at is None):
                idle = self._cut_at is None
                left = self._seconds if self._cut_at is None else self._cut_at - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                else:
                    self._cut_at = None
                    self._cut()
            self._watches = False

    def _remember(self, driver: Any, _record: Any) -> None:
        self._driver = driver

    def _cut(self) -> None:
        with suppress(Exception):  # none yet, or closed already
            raw = socket.socket(fileno=self._driver.pgconn.socket)
            try:
                raw.shutdown(socket.SHUT_RDWR)
            finally:
                raw.detach()  # the descriptor stays the driver's to close

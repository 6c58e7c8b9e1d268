"""Transactions: one connection, one lock, and patience with a database that is away for a while.

A body given to `write` or `read` may run several times, the last time after a commit whose fate is unknown: it must
re-read what it depends on. Errors that no waiting mends (bugs, violated constraints) are raised at once.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.engine import engines
from storage.errors import StorageRefused, StorageUnreachable
from storage.refusals import READ_ONLY, refusal
from storage.urls import without_secret
from storage.watchdog import Deadline

T = TypeVar("T")
log = logging.getLogger("ceteris.storage")  # one line when the database goes away, one when it is back

FIRST_CONTACT_SECONDS = 9.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 15.0
TOLD_AFTER_SECONDS, BUSY_TOLD_AFTER_SECONDS = 0.5, 5.0  # an outage; a lock or a full disk
# SQLite result codes: busy, locked, input/output error, disk full, cannot open.
_SQLITE_TRANSIENT = {5, 6, 10, 13, 14}
# Idle-in-transaction time limit; read-only (a standby during a failover). The others are OperationalErrors.
_POSTGRES_TRANSIENT = {"25P03", "25006"}


class Database:
    """The database of one worker. Thread-safe; the lock is held during a transaction only, never while waiting."""

    def __init__(self, url: URL, *, patience: float, ttl: float) -> None:
        self.url = url
        self.patience = patience
        self.ttl = ttl
        self.shown = without_secret(url)
        self.writer, self.reader = engines(url, ttl)
        self.deadline = Deadline(self.writer)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._own_patience = threading.local()
        self._connected_since: float | None = None
        self._failing_since: float | None = None
        self._told_away = False
        if not self.is_sqlite:
            event.listen(self.writer, "connect", self._note_connection)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in one transaction that may write, again after every transient failure, and return its value.

        Raises StorageUnreachable when the patience is over.
        """
        return self._patiently(lambda: self._once(self.writer, body))

    def read(self, body: Callable[[Connection], T]) -> T:
        """As `write`, in a transaction that only reads."""
        return self._patiently(lambda: self._once(self.reader, body))

    def write_once(self, body: Callable[[Connection], T]) -> T:
        """One transaction, one try: for the first contact."""
        return self._once(self.writer, body)

    @contextmanager
    def patient_for(self, seconds: float) -> Iterator[None]:
        """Inside, calls of this thread give up (StorageUnreachable) after `seconds`; 0 means one try."""
        before = getattr(self._own_patience, "seconds", None)
        self._own_patience.seconds = seconds
        try:
            yield
        finally:
            self._own_patience.seconds = before

    def connected_for(self) -> float:
        """Seconds since the first success after the last time that nothing could be written, or no connection was."""
        since = self._connected_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self) -> None:
        """Give the connections back. Calls that wait for the database, in any thread, end with StorageUnreachable."""
        self._closed.set()
        self.writer.dispose()
        self.reader.dispose()

    def reason(self, error: DBAPIError) -> str:
        """The first line of a driver's message, without the password."""
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        password = self.url.password
        return lines[0].replace(str(password), "***") if password else lines[0]

    def _only_reads(self, error: DBAPIError) -> bool:
        """Whether this role may only read; a standby says the same during a failover, and that passes."""
        if getattr(error.orig, "sqlstate", None) != READ_ONLY:
            return False
        with suppress(DBAPIError):
            standby = self._once(self.reader, lambda connection: connection.scalar(text("SELECT pg_is_in_recovery()")))
            return not standby
        return False

    def _once(self, engine: Engine, body: Callable[[Connection], T]) -> T:
        with self._lock, self.deadline(), engine.connect() as connection, connection.begin():
            result = body(connection)
        if self._connected_since is None:
            self._connected_since = time.monotonic()
        self._note_success()
        return result

    def _patiently(self, attempt: Callable[[], T]) -> T:
        own = getattr(self._own_patience, "seconds", None)
        give_up = time.monotonic() + (self.patience if own is None else own)
        pause, longest = FIRST_PAUSE, min(LONGEST_PAUSE, self.ttl / 3)
        while True:
            try:
                return attempt()
            except DBAPIError as error:
                if not transient(error) or self._only_reads(error):
                    if (line := refusal(error, self.url)) is not None:
                        raise StorageRefused(line) from error
                    raise
                if hits_everybody(error):
                    # The others could not renew either: they get one TTL to come back before their leases are taken.
                    self._connected_since = None
                self._note_failure(error)
                if time.monotonic() >= give_up:
                    raise StorageUnreachable(f"{self.shown} does not answer: {self.reason(error)}") from error
            if self._closed.wait(min(pause * random.uniform(0.5, 1.5), max(0.0, give_up - time.monotonic()))):
                raise StorageUnreachable(f"{self.shown} was closed while it did not answer")
            pause = min(2 * pause, longest)

    def _note_connection(self, *_: object) -> None:
        """Also one that the pool makes by itself in the place of a dead one: everybody else may have been cut off."""
        self._connected_since = None

    def _note_failure(self, error: DBAPIError) -> None:
        self._failing_since = since = self._failing_since or time.monotonic()
        lasts = TOLD_AFTER_SECONDS if disconnected(error) else BUSY_TOLD_AFTER_SECONDS
        if not self._told_away and time.monotonic() - since >= lasts:
            self._told_away = True
            log.warning("database unreachable, training goes on, retrying (%s)", self.reason(error))

    def _note_success(self) -> None:
        since, self._failing_since = self._failing_since, None
        if self._told_away and since is not None:
            self._told_away = False
            log.warning("database back after %.0f s", time.monotonic() - since)


def transient(error: DBAPIError) -> bool:
    """Whether waiting may mend it: outages, locks, deadlocks, time limits, a full disk; not a bug."""
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_TRANSIENT
    return isinstance(error, OperationalError) or getattr(error.orig, "sqlstate", None) in _POSTGRES_TRANSIENT


def disconnected(error: DBAPIError) -> bool:
    """Whether the connection to the server is gone (never so for a file)."""
    if hasattr(error.orig, "sqlite_errorcode"):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state.startswith(("08", "57P"))


def hits_everybody(error: DBAPIError) -> bool:
    """Whether others cannot write either: no connection, a full disk, a standby. One that locks a row is none."""
    if hasattr(error.orig, "sqlite_errorcode"):
        return True  # one file, and whoever has waited for its lock in vain was not the only one
    state = getattr(error.orig, "sqlstate", None) or ""
    return disconnected(error) or state.startswith(("53", "58")) or state == READ_ONLY

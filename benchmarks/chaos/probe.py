"""When nobody could write to the database, found out by trying all the time."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

EVERY_SECONDS = 0.1
NOTICED_SECONDS = 0.5  # shorter ones hold nobody up


class Probe:
    """`write` is one small write by a connection of its own; it raises, or takes long, while nothing can be written."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self.outages: list[tuple[float, float]] = []  # seconds since 1970, by the clock of this host
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        last = time.time()
        while not self._ended.wait(EVERY_SECONDS):
            with suppress(sqlite3.Error, psycopg.Error, OSError):
                self._write()
                if (now := time.time()) - last > NOTICED_SECONDS:
                    self.outages.append((last, now))
                last = now


def sqlite_probe(file: Path) -> Probe:
    """Writes a page to a file beside the database, under the lock of those who write to it."""
    ballast = file.with_name("probe")

    def write() -> None:
        connection = sqlite3.connect(file, timeout=30.0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            ballast.write_bytes(bytes(4096))
            ballast.unlink()
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    return Probe(write)


def postgres_probe(address: str) -> Probe:
    """Adds a row to a table of another database of that server."""

    def write() -> None:
        with psycopg.connect(address, connect_timeout=2, autocommit=True) as connection:
            connection.execute("SET statement_timeout = 5000")
            connection.execute("CREATE TABLE IF NOT EXISTS probe (filler text)")
            connection.execute("INSERT INTO probe VALUES (repeat('x', 1000))")

    return Probe(write)

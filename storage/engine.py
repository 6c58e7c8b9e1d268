"""Engines: how one worker's connection to SQLite or PostgreSQL is made.

PostgreSQL's limits are set on the connection, so that no peer, lock or forgotten transaction can hold the fleet up.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from storage.connecting import connect_carefully
from storage.errors import StorageRefused, StorageUnreachable
from storage.urls import network_file_system

CONNECT_SECONDS = 5
BUSY_SECONDS = 30
STATEMENT_SECONDS = 8
LONGEST_IDLE_SECONDS = 15.0  # between two statements of a transaction


def engines(url: URL, ttl: float) -> tuple[Engine, Engine]:
    """The engine that writes and the one that reads: on PostgreSQL the same, so that a worker has one connection.

    Who vanishes within a transaction loses its locks before its lease of `ttl` seconds has run out.
    """
    if url.get_backend_name() == "postgresql":
        engine = _postgresql(url, min(LONGEST_IDLE_SECONDS, max(1.0, ttl / 2)))
        return engine, engine
    return _sqlite(url, writer=True), _sqlite(url, writer=False)


def _postgresql(url: URL, idle_seconds: float) -> Engine:
    settings = {
        "lock_timeout": "3000",
        "statement_timeout": str(1000 * STATEMENT_SECONDS),
        "idle_in_transaction_session_timeout": str(round(1000 * idle_seconds)),
        "timezone": "UTC",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    asked = url.query.get("options", "")
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": 10_000,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "ceteris",
        "prepare_threshold": None,  # prepared statements clash behind PgBouncer
        "client_encoding": "utf8",
        "options": f"{options} {asked if isinstance(asked, str) else ' '.join(asked)}".strip(),
    }
    engine = create_engine(
        url, pool_size=1, max_overflow=0, pool_pre_ping=True, hide_parameters=True, connect_args=arguments
    )
    connect_carefully(engine, url, settings)
    return engine


def prepare_sqlite_file(url: URL) -> None:
    """Make the folder of a SQLite file. Raises StorageRefused on a network, StorageUnreachable when it cannot be."""
    file = Path(url.database or "")
    if (kind := network_file_system(file.parent)) is not None:
        raise StorageRefused(
            f"{file} lies on a network file system ({kind}), where SQLite loses data: give a file on local disk,"
            " or --storage postgresql://user@host/database to share a study between servers"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnreachable(f"cannot make the folder of {file}: {error.strerror or error}") from error


def _sqlite(url: URL, writer: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        # The two threads of a worker share the connection, one at a time.
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        if writer:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
        else:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: two that read first and write later would otherwise both be refused.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine

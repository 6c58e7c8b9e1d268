"""The first contact with a database, and the tables: made, or brought to this version, by whoever comes first."""

import random
import sqlite3
import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

import storage.attempts  # noqa: F401 (its table is one of ours, and so is the next)
import storage.blobs  # noqa: F401
from storage import optuna_schema
from storage.database import FIRST_CONTACT_SECONDS, Database, transient
from storage.errors import SchemaTooNew, StorageRefused, StorageUnreachable
from storage.host import host_identity, same_host
from storage.migrations import can_migrate, migrate
from storage.refusals import refusal
from storage.schema import SCHEMA_VERSION, Base, DatabaseClock, LeaseTable, VersionTable, WorkerTable
from storage.upsert import insert_or_ignore

LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_LOCK = 0x63657465726973  # "ceteris", the key of the advisory lock


def first_contact(database: Database, wait: float) -> None:
    """Return once the database has answered. Raises StorageUnreachable after one try, or after `wait` seconds.

    What no waiting mends (a wrong password, no such database, TLS) raises StorageRefused at once.
    """
    give_up = time.monotonic() + wait
    while True:
        failure = _contact(database)
        if failure is None:
            return
        if time.monotonic() >= give_up:
            file = database.shown.startswith("sqlite")
            next_step = "move that file away, or name another" if file else "is the address right, is it running?"
            raise StorageUnreachable(f"cannot use {database.shown}: {failure}; {next_step}")
        time.sleep(min(2.0, max(0.0, give_up - time.monotonic())))


def _contact(database: Database) -> str | None:
    """None, or why it failed. In a thread, for neither name resolution nor a stopped server obeys a time limit."""
    outcome: list[BaseException | None] = []

    def ask() -> None:
        try:
            database.write_once(lambda connection: connection.execute(text("SELECT 1")).scalar())
            outcome.append(None)
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that asked)
            outcome.append(error)

    if database.is_sqlite:
        _until_unlocked(ask, outcome)
    else:
        thread = threading.Thread(target=ask, name="first-contact", daemon=True)
        thread.start()
        thread.join(FIRST_CONTACT_SECONDS)
    if not outcome:
        return f"no answer within {FIRST_CONTACT_SECONDS:.0f} seconds"
    error = outcome[0]
    if isinstance(error, DBAPIError):
        if (line := refusal(error, database.url)) is not None:
            raise StorageRefused(line) from error
        return database.reason(error)
    if error is not None:
        raise error
    return None


def _until_unlocked(ask: Callable[[], None], outcome: list[BaseException | None]) -> None:
    """Of several who come to a new file at once one makes it a WAL, and the others are told at once that it is locked:
    SQLite waits for a lock of another's only where that cannot become a deadlock.
    """
    give_up = time.monotonic() + FIRST_CONTACT_SECONDS
    while True:
        ask()
        code = getattr(getattr(outcome[-1], "orig", None), "sqlite_errorcode", 0)
        if code & 0xFF not in LOCKED or time.monotonic() >= give_up:
            return
        outcome.clear()
        time.sleep(random.uniform(0.02, 0.1))


def ensure_tables(database: Database) -> None:
    """Create what is missing and migrate what is older; refuse what is newer, and on SQLite a second host at work.

    What is refused is left as it was. Raises SchemaTooNew, StorageRefused.
    """
    try:
        found = database.read(versions)
        if found is None:
            database.write(_create)
            found = database.read(versions)
        refuse_foreign(database, found)
        if database.is_sqlite:
            _check_host(database)
        if found is not None and found[0] != SCHEMA_VERSION:
            database.write(_migrate)
            refuse_foreign(database, database.read(versions))
    except DBAPIError as error:
        if transient(error):
            raise
        raise StorageUnreachable(f"cannot use {database.shown}: {database.reason(error)}") from error


def refuse_foreign(database: Database, found: tuple[int, str] | None) -> None:
    """Raise SchemaTooNew unless the tables are ours, or older ones that can be migrated."""
    version, revision = found or (0, "")
    if version != SCHEMA_VERSION and not can_migrate(version):
        raise SchemaTooNew(
            f"{database.shown} has tables of version {version}, this ceteris has {SCHEMA_VERSION}:"
            " use the ceteris that made it, or another --storage"
        )
    if revision != optuna_schema.HEAD_REVISION:
        raise SchemaTooNew(
            f"{database.shown} has Optuna tables of revision {revision}, this Optuna has {optuna_schema.HEAD_REVISION}:"
            " install the Optuna that made them, or use another --storage"
        )


def versions(connection: Connection) -> tuple[int, str] | None:
    """The version of our tables and the revision of Optuna's; None where there are none."""
    if not inspect(connection).has_table(VersionTable.__tablename__):
        return None
    version = connection.execute(select(VersionTable.schema_version)).scalar_one_or_none()
    return None if version is None else (version, optuna_schema.revision(connection))


def _create(connection: Connection) -> None:
    """One transaction for all tables, Optuna's and ours."""
    _alone(connection)
    if versions(connection) is not None:
        return
    optuna_schema.create_tables(connection)
    Base.metadata.create_all(connection)
    row = {"only": 1, "schema_version": SCHEMA_VERSION, "host": host_identity()}
    insert_or_ignore(connection, VersionTable.metadata.tables[VersionTable.__tablename__], row)


def _migrate(connection: Connection) -> None:
    _alone(connection)
    found = versions(connection)
    if found is not None and can_migrate(found[0]):  # asked again under the lock: somebody else may have been faster
        migrate(connection, found[0])


def _alone(connection: Connection) -> None:
    """Keep others from creating and migrating until the transaction is over. SQLite's writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = '50s'"))
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _check_host(database: Database) -> None:
    """SQLite's locks and shared memory hold within one host: a second one that is at work is refused.

    A host at which nobody works any more (renamed, replaced) gives its place up.
    """
    here = host_identity()

    def settle(connection: Connection) -> str | None:
        host = connection.execute(select(VersionTable.host)).scalar_one()
        if same_host(host, here):
            return None
        leases = select(func.count()).select_from(LeaseTable).where(LeaseTable.expires_at > DatabaseClock())
        seen = WorkerTable.last_seen > DatabaseClock() - 2 * database.ttl
        workers = select(func.count()).select_from(WorkerTable).where(WorkerTable.left_at.is_(None), seen)
        if connection.execute(leases).scalar_one() + connection.execute(workers).scalar_one():
            return host
        connection.execute(update(VersionTable).values(host=here))
        return None

    if database.read(lambda connection: same_host(connection.execute(select(VersionTable.host)).scalar_one(), here)):
        return
    other = database.write(settle)
    if other is not None:
        raise StorageRefused(
            f"{database.shown} is in use on the host {other.split()[0]}, and SQLite works on one host only:"
            " to share its studies between servers, move them into PostgreSQL on that host, with"
            " python -m search.transfer --to postgresql://user@host/database"
        )

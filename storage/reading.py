"""A database that is only looked at: nothing in it is created, migrated or changed, whatever is asked of it."""

from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from storage import creation
from storage.database import Database, transient
from storage.engine import CONNECT_SECONDS
from storage.errors import SchemaTooNew, StorageRefused, StorageUnreachable
from storage.schema import SCHEMA_VERSION
from storage.urls import without_secret

_READ_ONLY = "-c default_transaction_read_only=on"
_VIEWER_OPTIONS = "-c timezone=UTC -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000"
_VIEWER_CONNECTIONS = 4


def open_database(url: URL, patience: float, ttl: float) -> Database:
    """A database that refuses to write. Raises StorageUnreachable, StorageRefused (no tables), SchemaTooNew."""
    shown = without_secret(url)
    if url.get_backend_name() == "sqlite":
        if not Path(url.database or "").is_file():
            raise StorageUnreachable(
                f"there is no database {url.database} yet; a study makes it: python -m search.launch --study lr_aug"
            )
    else:
        url = _with_options(url, _READ_ONLY)
    database = Database(url, patience=patience, ttl=ttl)
    database.shown = shown
    try:
        if not database.is_sqlite:
            creation.first_contact(database, 0.0)
        _check_version(database)
    except BaseException:
        database.close()
        raise
    return database


def _check_version(database: Database) -> None:
    try:
        with database.patient_for(0):
            found = database.read(creation.versions)
    except DBAPIError as error:
        if transient(error):
            raise
        raise StorageUnreachable(f"cannot use {database.shown}: {database.reason(error)}") from error
    if found is None:
        raise StorageRefused(
            f"{database.shown} holds no study of ceteris; start one there first: python -m search.launch --study lr_aug"
        )
    if found[0] < SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{database.shown} has tables of version {found[0]}, this ceteris reads {SCHEMA_VERSION}:"
            " python -m search.list brings them up to date"
        )
    creation.refuse_foreign(database, found)


def optuna_storage(kind: type[RDBStorage], url: URL, writable: bool) -> Any:
    """Optuna's view of a database with ceteris' tables in it, of the class `kind`; read-only unless `writable`."""
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        url = _with_options(url, _VIEWER_OPTIONS if writable else f"{_VIEWER_OPTIONS} {_READ_ONLY}")
        arguments = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": 10_000, "prepare_threshold": None}
        arguments |= {"application_name": "ceteris-dashboard", "client_encoding": "utf8"}
    engine = {
        "pool_size": _VIEWER_CONNECTIONS,
        "max_overflow": 0,
        "pool_pre_ping": True,
        "hide_parameters": True,
        "connect_args": arguments,
    }
    text = url.render_as_string(hide_password=False)
    text = text.replace("{", "{{").replace("}", "}}")  # Optuna takes a URL for a template
    storage = kind(text, engine, skip_compatibility_check=True, skip_table_creation=True)
    if url.get_backend_name() == "sqlite" and not writable:
        event.listen(storage.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
        storage.engine.dispose()  # the connection that was made before must not be used again
    return storage


def _with_options(url: URL, words: str) -> URL:
    asked = url.query.get("options", ())
    given = (asked,) if isinstance(asked, str) else tuple(asked)
    return url.set(query={**url.query, "options": " ".join([*given, words])})

"""How a connection to PostgreSQL is made: the password is looked up at that moment, and PgBouncer is recognised.

A pooler in transaction mode hands the server's connection to somebody else after each transaction: it refuses or drops
what a client wants set for a session. Our time limits are then set in each transaction, one short statement more.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

from storage.errors import StorageRefused
from storage.password_files import first_line
from storage.refusals import PASSWORD_FILE
from storage.urls import without_secret

OLDEST = 13


def connect_carefully(engine: Engine, url: URL, settings: Mapping[str, str]) -> None:
    """Make the engine's connections so. `settings` are those of the session, with PostgreSQL's names and units.

    Raises StorageRefused, when a connection is made: an unreadable password file, a server that is too old.
    """
    pooled = False
    given = url.password or url.query.get("passfile")

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, words: Any, options: dict[str, Any]) -> Any:
        nonlocal pooled
        if not given and (file := os.environ.get(PASSWORD_FILE)):
            options["password"] = first_line(Path(file))
        driver = dialect.loaded_dbapi
        try:
            connection = driver.connect(*words, **(_without_settings(options) if pooled else options))
        except driver.OperationalError as error:
            if "startup parameter" not in str(error):
                raise
            connection = driver.connect(*words, **_without_settings(options))
        if connection.info.server_version < 10_000 * OLDEST:
            version = connection.info.server_version // 10_000
            connection.close()
            raise StorageRefused(
                f"{without_secret(url)} is PostgreSQL {version}; ceteris needs {OLDEST} or newer:"
                " python -m storage.serve starts one"
            )
        pooled = not _has(connection, settings)
        return connection

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if pooled:
            each = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
            connection.exec_driver_sql(f"SELECT {each}")


def _without_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "options"}


def _has(connection: Any, settings: Mapping[str, str]) -> bool:
    """Whether the session has our settings: a pooler may have swallowed them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'")
        found = cursor.fetchone()
    connection.rollback()
    return found is not None and found[0] == settings["lock_timeout"]

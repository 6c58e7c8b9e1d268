"""INSERT ... ON CONFLICT for both backends."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from storage.bound import as_recordset, recordset


def insert_or_ignore(connection: Connection, table: Table, row: Mapping[str, Any]) -> Any:
    """Insert one row unless one of its unique keys is taken; its primary key (the first column), None if it is not."""
    statement = _insert(connection, table).values(dict(row)).on_conflict_do_nothing()
    # Not by rowcount: SQLAlchemy fetches generated keys on PostgreSQL, and then does not tell it.
    return connection.execute(statement.returning(*table.primary_key)).scalar()


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    kept: Sequence[str] = (),
) -> None:
    """Insert rows, all with the same columns, replacing those with the same keys; no rows, no statement.

    Several rows hold plain values, one may hold expressions. A row that is replaced keeps what it has in the columns
    `kept`.
    """
    if not rows:
        return
    names, bound = list(rows[0]), {}
    statement = _insert(connection, table)
    if len(rows) == 1:
        statement = statement.values(dict(rows[0]))
    elif connection.dialect.name == "postgresql":
        told = recordset("rows", [table.c[name] for name in names])
        statement, bound = statement.from_select(names, select(*told.c)), {"rows": as_recordset(rows)}
    else:
        statement = statement.values([dict(row) for row in rows])
    replaced = {name: statement.excluded[name] for name in names if name not in (*keys, *kept)}
    connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=replaced), bound)


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)

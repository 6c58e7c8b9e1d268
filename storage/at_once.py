"""A new trial in one message to PostgreSQL and one answer: the lock, whether it is wanted, every row, and the commit.

While one claim holds the lock on the budget of a phase, all others of that phase wait. Were the client asked in
between, the lock would be held for as long as that client waits for its processor: ten times as long where it is busy.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    bindparam,
    exists,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import IntegrityError

from storage import optuna_births, optuna_tables
from storage.grant import Asked
from storage.names import to_json
from storage.schema import BudgetTable, CellTable, DatabaseClock, EntryTable, JsonText, LeaseTable, table_of
from storage.shown import Shown

IDENTITY = "study_id", "signature", "data_digest", "replicate"  # of a cell
UNIQUE_VIOLATION = "23505"


class Refused(NamedTuple):
    """Nothing was written: the run is `known`, or the budget has no room."""

    known: bool


def enter(
    connection: Connection, asked: Asked, shown: Shown, cell: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[int, int, int] | Refused:
    """Ids and number of the trial: (trial id, number, cell id). `cell` and `entry` are rows without these.

    The transaction of `connection` is committed by it.
    """
    from psycopg import ClientCursor  # who works on SQLite need not load it

    bound = optuna_births.bound_at_once(shown) | {"ttl": asked.ttl}
    bound |= _named("cell", table_of(CellTable), cell) | _named("entry", table_of(EntryTable), entry)
    driver: Any = connection.connection.driver_connection
    usual, driver.cursor_factory = driver.cursor_factory, ClientCursor  # one message cannot have values apart from it
    try:
        found = connection.exec_driver_sql(_message(connection.dialect, tuple(cell), tuple(entry)), bound)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        return Refused(known=True)  # another phase has entered the run at this moment
    finally:
        driver.cursor_factory = usual
    with found:
        answers: Any = found.cursor
        answers.nextset()
        known, trial_id, number, cell_id = answers.fetchone()
    return Refused(known) if cell_id is None else (trial_id, number, cell_id)


def _named(prefix: str, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row as they are bound."""
    text = {name for name, column in table.c.items() if isinstance(column.type, JsonText)}
    return {f"{prefix}_{name}": to_json(value) if name in text else value for name, value in row.items()}


@cache
def _message(dialect: Dialect, cell_names: tuple[str, ...], entry_names: tuple[str, ...]) -> str:
    cells, entries, leases = table_of(CellTable), table_of(EntryTable), table_of(LeaseTable)
    cell_row = {name: _bound("cell", cells, name) for name in cell_names}
    entry_row = {name: _bound("entry", entries, name) for name in entry_names}
    # Only a statement after the lock sees what was committed while it was waited for.
    lock = select(BudgetTable.used).where(*_here(cell_row)).with_for_update()
    known = exists().where(*(cells.c[name] == cell_row[name] for name in IDENTITY))
    spent = _spent(cell_row, known)
    trial, parameters, attributes = optuna_births.trial_at_once(cell_row["optuna_study"], spent)
    numbered = {"trial_id": trial.c.trial_id, "number": trial.c.number}
    cell = _inserted(cells, cell_row | numbered, trial).returning(cells.c.cell_id).cte("cell")
    both = trial.join(cell, true())
    entry = _inserted(entries, entry_row | numbered | {"cell_id": cell.c.cell_id}, both).cte("entry")
    lease_row = {name: cell_row[name] for name in ("study_id", "worker", "token", "nonce")} | {
        "trial_id": trial.c.trial_id,
        "cell_id": cell.c.cell_id,
        "expires_at": DatabaseClock() + bindparam("ttl", type_=leases.c.expires_at.type),
        "attempts": cell_row["token"],  # one, as it is the first
    }
    lease = _inserted(leases, lease_row, both).cte("lease")
    asked = select(known.label("known")).subquery("asked")
    told = select(asked.c.known, *numbered.values(), cell.c.cell_id)
    whole = told.select_from(asked.outerjoin(trial, true()).outerjoin(cell, true()))
    whole = whole.add_cte(parameters, attributes, entry, lease)
    return "; ".join((str(lock.compile(dialect=dialect)), str(whole.compile(dialect=dialect)), "COMMIT"))


def _here(cell: Mapping[str, ColumnElement[Any]]) -> tuple[ColumnElement[bool], ...]:
    """The budget of the phase, if Optuna's study is there; that one is locked first."""
    budget = BudgetTable.study_id == cell["study_id"], BudgetTable.phase == cell["home"]
    return *budget, optuna_tables.locked(cell["optuna_study"])


def _spent(cell: Mapping[str, ColumnElement[Any]], known: ColumnElement[bool]) -> CTE:
    """One run of the budget, if it has room, the run is not `known`, and this claim was not committed before."""
    within = BudgetTable.used < BudgetTable.allowed, BudgetTable.closed.is_(None)
    unheard = ~exists().where(LeaseTable.nonce == cell["nonce"])
    spent = (
        update(BudgetTable)
        .where(*_here(cell), *within, unheard, ~known)
        .values(used=BudgetTable.used + literal_column("1"))
    )
    return spent.returning(BudgetTable.used).cte("spent")


def _bound(prefix: str, table: Table, name: str) -> ColumnElement[Any]:
    return bindparam(f"{prefix}_{name}", type_=table.c[name].type)


def _inserted(table: Table, row: Mapping[str, ColumnElement[Any]], source: Any) -> Insert:
    """One row from expressions over `source`."""
    return insert(table).from_select(list(row), select(*row.values()).select_from(source))

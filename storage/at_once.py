"""A new trial in one statement of PostgreSQL: whether it is wanted, and every row that it consists of.

The caller has locked the budget of the phase and Optuna's study before, in the same transaction.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, Connection, Select, Table, bindparam, exists, select, true, update
from sqlalchemy.dialects.postgresql import Insert, insert

from storage import optuna_tables
from storage.grant import Asked
from storage.schema import BudgetTable, CellTable, DatabaseClock, EntryTable, LeaseTable, table_of
from storage.shown import Shown

IDENTITY = "study_id", "signature", "data_digest", "replicate"  # of a cell


class Refused(NamedTuple):
    """Nothing was written: the run is `known`, or the budget has no room."""

    known: bool


def enter(
    connection: Connection, asked: Asked, shown: Shown, cell: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[int, int, int] | Refused:
    """Ids and number of the trial: (trial id, number, cell id). `cell` and `entry` are rows without these."""
    # Names that no column has: what is bound under the name of a column, SQLAlchemy writes to it.
    bound = optuna_tables.bound_at_once(shown) | {f"cell_{name}": value for name, value in cell.items()}
    bound |= {f"entry_{name}": value for name, value in entry.items()}
    bound["ttl"] = asked.ttl
    row = connection.execute(_statement(tuple(cell), tuple(entry)), bound).one()
    if row.cell_id is None:  # or another phase has entered it at this moment; what was written goes with the exception
        return Refused(known=row.known or row.trial_id is not None)
    return row.trial_id, row.number, row.cell_id


@cache
def _statement(cell_names: tuple[str, ...], entry_names: tuple[str, ...]) -> Select[Any]:
    cells, entries, leases = table_of(CellTable), table_of(EntryTable), table_of(LeaseTable)
    cell_row = {name: _bound("cell", cells, name) for name in cell_names}
    entry_row = {name: _bound("entry", entries, name) for name in entry_names}
    known = exists().where(*(cells.c[name] == cell_row[name] for name in IDENTITY))
    spent = _spent(cell_row, known)
    trial, parameters, attributes = optuna_tables.trial_at_once(cell_row["optuna_study"], spent)
    numbered = {"trial_id": trial.c.trial_id, "number": trial.c.number}
    new_cell = _inserted(cells, cell_row | numbered, trial).on_conflict_do_nothing()
    cell = new_cell.returning(cells.c.cell_id).cte("cell")
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
    return (
        select(asked.c.known, *numbered.values(), cell.c.cell_id)
        .select_from(asked.outerjoin(trial, true()).outerjoin(cell, true()))
        .add_cte(parameters, attributes, entry, lease)
    )


def _spent(cell: Mapping[str, ColumnElement[Any]], known: ColumnElement[bool]) -> CTE:
    """One run of the budget, if it has room, the run is not `known`, and this claim was not committed before."""
    within = BudgetTable.used < BudgetTable.allowed, BudgetTable.closed.is_(None)
    here = BudgetTable.study_id == cell["study_id"], BudgetTable.phase == cell["home"]
    unheard = ~exists().where(LeaseTable.nonce == cell["nonce"])
    spent = update(BudgetTable).where(*here, *within, unheard, ~known).values(used=BudgetTable.used + 1)
    return spent.returning(BudgetTable.used).cte("spent")


def _bound(prefix: str, table: Table, name: str) -> ColumnElement[Any]:
    return bindparam(f"{prefix}_{name}", type_=table.c[name].type)


def _inserted(table: Table, row: Mapping[str, ColumnElement[Any]], source: Any) -> Insert:
    """One row from expressions over `source`."""
    return insert(table).from_select(list(row), select(*row.values()).select_from(source))

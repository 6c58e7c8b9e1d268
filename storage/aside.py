"""A phase moved out of the way, with everything in it, so that another one can have its name."""

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from storage import optuna_tables
from storage.names import check_phase
from storage.schema import BudgetTable, CellTable, EntryTable, ManifestTable


def set_aside(
    connection: Connection, study_id: int, phase: str, name: str, along: Mapping[str, str] | None = None
) -> bool:
    """Rename a phase, and with it those of `along` that are there; whether it was. Not when there is none, or `name` is
    taken: it has been set aside before, and what bears its name is what came after.
    """
    for each in (name, *(along or {}).values()):
        check_phase(each)
    budgets = select(BudgetTable.phase).where(BudgetTable.study_id == study_id).with_for_update()
    there = set(connection.execute(budgets).scalars())
    if phase not in there or name in there:
        return False
    for before, after in ((phase, name), *(along or {}).items()):
        if before in there:
            _rename(connection, study_id, before, after)
    return True


def _rename(connection: Connection, study_id: int, phase: str, name: str) -> None:
    study = connection.execute(select(ManifestTable.name).where(ManifestTable.study_id == study_id)).scalar_one()
    for table, column in ((BudgetTable, "phase"), (EntryTable, "phase"), (CellTable, "home")):
        here = table.study_id == study_id, getattr(table, column) == phase
        connection.execute(update(table).where(*here).values({column: name}))
    before, after = f"{study}/{phase}", f"{study}/{name}"
    moved = update(CellTable).where(CellTable.study_id == study_id, CellTable.optuna_study == before)
    connection.execute(moved.values(optuna_study=after))
    optuna_tables.rename_study(connection, before, after)

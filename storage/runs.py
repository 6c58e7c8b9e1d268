"""What is known of the runs of a phase: each question is one statement. The runs themselves: storage/history.py."""

from typing import Any

from sqlalchemy import Connection, Select, case, func, or_, select

from storage.cells import epoch_row
from storage.rows import EpochRow, RungScore
from storage.schema import CellTable, EntryTable, EpochTable

MOST_COMPARED = 1000
_NUMBER = func.coalesce(EntryTable.number, CellTable.number).label("shown_number")


def rung_scores(connection: Connection, study_id: int, phase: str, epoch: int) -> list[RungScore]:
    """Runs of a phase with their best constant-phase score at epochs up to `epoch`.

    Listed are runs that have reached `epoch`, and stalled and finished ones, which carry their best forward. Runs that
    were pruned before, diverged or failed are no company, nor is a run without any such score yet. Of a
    larger phase the newest MOST_COMPARED entries are compared: what a rung costs does not grow any more.
    """
    return [RungScore(*row) for row in connection.execute(company(study_id, phase, epoch).order_by(CellTable.trial_id))]


def company(study_id: int, phase: str, epoch: int) -> Select[*tuple[Any, ...]]:
    """The statement behind `rung_scores`."""
    here = EntryTable.study_id == study_id, EntryTable.phase == phase
    newest = select(EntryTable.entry_id).where(*here).order_by(EntryTable.entry_id.desc())
    before = newest.offset(MOST_COMPARED).limit(1).scalar_subquery()
    best = func.max(case((EpochTable.phase != "decay", EpochTable.score)))
    reached = func.max(EpochTable.epoch) >= epoch
    return (
        select(CellTable.trial_id, _NUMBER, EntryTable.role, best.label("best"), CellTable.state, CellTable.stop)
        .join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
        .join(EpochTable, EpochTable.trial_id == CellTable.trial_id)
        .where(*here, EntryTable.entry_id > func.coalesce(before, 0), EpochTable.epoch <= epoch)
        .where(or_(CellTable.stop.is_(None), CellTable.stop.not_in(("diverged", "failed"))))
        .group_by(CellTable.cell_id, EntryTable.entry_id)
        .having(best.is_not(None), or_(reached, CellTable.state == "COMPLETE"))
    )


def curves(connection: Connection, study_id: int, phase: str) -> dict[int, list[EpochRow]]:
    """Number of the run in its phase -> its epochs, in order."""
    rows = (
        select(EpochTable, _NUMBER)
        .join(CellTable, CellTable.trial_id == EpochTable.trial_id)
        .join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
        .where(EntryTable.study_id == study_id, EntryTable.phase == phase)
        .order_by(_NUMBER, EpochTable.epoch)
    )
    told: dict[int, list[EpochRow]] = {}
    for row in connection.execute(rows):
        told.setdefault(row.shown_number, []).append(epoch_row(row))
    return told


def epochs(connection: Connection, trial_id: int, token: int | None) -> list[EpochRow]:
    """The epochs of a trial in order; with `token` those up to the last one that this attempt has told: what a lost
    attempt told beyond its last checkpoint is left out until it is trained again."""
    rows = select(EpochTable).where(EpochTable.trial_id == trial_id).order_by(EpochTable.epoch)
    if token is not None:
        last = select(func.max(EpochTable.epoch)).where(EpochTable.trial_id == trial_id, EpochTable.token == token)
        rows = rows.where(EpochTable.epoch <= last.scalar_subquery())
    return [epoch_row(row) for row in connection.execute(rows)]

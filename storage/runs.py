"""What is known of the runs of a study: each question is one statement."""

from sqlalchemy import Connection, case, func, or_, select

from storage.cells import epoch_row
from storage.rows import EpochRow, RungScore, RunRow
from storage.schema import CellTable, EntryTable, EpochTable

_NUMBER = func.coalesce(EntryTable.number, CellTable.number).label("shown_number")
_OWN = case((CellTable.home == EntryTable.phase, CellTable.trial_id))
_SHOWN = func.coalesce(EntryTable.trial_id, _OWN).label("shown_trial")


def runs(connection: Connection, study_id: int, phase: str | None) -> list[RunRow]:
    """The entries of one phase (or of all) joined with their cells, in the order of entering."""
    rows = (
        select(
            CellTable,
            EntryTable.entry_id,
            EntryTable.phase,
            EntryTable.role,
            EntryTable.label,
            EntryTable.params,
            _NUMBER,
            _SHOWN,
        )
        .join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
        .where(EntryTable.study_id == study_id)
        .order_by(EntryTable.entry_id)
    )
    if phase is not None:
        rows = rows.where(EntryTable.phase == phase)
    own = {name: name for name in RunRow.__dataclass_fields__ if name not in ("number", "attempt", "reused")}
    return [
        RunRow(
            **{field: getattr(row, name) for field, name in own.items()},
            number=row.shown_number,
            attempt=row.lost + 1,
            reused=row.home != row.phase,
        )
        for row in connection.execute(rows)
    ]


def rung_scores(connection: Connection, study_id: int, phase: str, epoch: int) -> list[RungScore]:
    """Runs of a phase with their best constant-phase score at epochs up to `epoch`.

    Listed are runs that have reached `epoch`, and stalled and finished ones, which carry their best forward. Runs that
    were pruned before, diverged or failed are no company, nor is a run without any such score yet.
    """
    counts = EpochTable.phase != "decay", EpochTable.epoch <= epoch
    best = func.max(case((counts[0] & counts[1], EpochTable.score)))
    reached = func.max(EpochTable.epoch)
    rows = (
        select(CellTable.trial_id, _NUMBER, EntryTable.role, best, CellTable.state, CellTable.stop)
        .join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
        .join(EpochTable, EpochTable.trial_id == CellTable.trial_id)
        .where(EntryTable.study_id == study_id, EntryTable.phase == phase)
        .where(or_(CellTable.stop.is_(None), CellTable.stop.not_in(("diverged", "failed"))))
        .group_by(CellTable.cell_id, EntryTable.entry_id)
        .having(best.is_not(None), or_(reached >= epoch, CellTable.state == "COMPLETE"))
        .order_by(CellTable.trial_id)
    )
    return [RungScore(*row) for row in connection.execute(rows)]


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

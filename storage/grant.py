"""What there is already for a claim, in this order: what its nonce has won, an expired lease, a trial that waits. A new
trial within the budget: storage/entering.py.

The reaper of dead workers *is* the claim: a trial is taken over under its own number with a higher token, and whoever
held it before can write nothing more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, Float, delete, func, insert, literal, select, update

from storage import cells, optuna_tables
from storage.errors import StudyMissing
from storage.rows import Lease, Result
from storage.schema import (
    CellTable,
    DatabaseClock,
    EntryTable,
    EpochTable,
    LeaseTable,
)

MAX_LOST = 5  # workers that one trial may cost


@dataclass(frozen=True)
class Asked:
    """What one call of claim() asks for."""

    study_id: int
    phase: str
    worker: str
    nonce: str
    ttl: float
    connected_for: Callable[[], float]  # seconds; one just back from an outage takes nothing over


def server_age(connection: Connection) -> ColumnElement[float]:
    """Seconds since the server started; a file has no server."""
    if connection.dialect.name != "postgresql":
        return literal(float("1e9"), Float)
    return DatabaseClock() - func.extract("epoch", func.pg_postmaster_start_time()).cast(Float(53))


def take(connection: Connection, asked: Asked) -> Lease | None:
    """What this very claim won before, an orphan, or a trial that waits; None when there is no such thing."""
    won = select(LeaseTable.cell_id).where(LeaseTable.nonce == asked.nonce, LeaseTable.study_id == asked.study_id)
    if (cell_id := connection.execute(won).scalar_one_or_none()) is not None:
        return _lease(connection, asked, cell_id)
    if (cell_id := _take_over(connection, asked)) is not None:
        return _lease(connection, asked, cell_id)
    if (cell_id := _take_waiting(connection, asked)) is not None:
        return _lease(connection, asked, cell_id)
    return None


def _take_over(connection: Connection, asked: Asked) -> int | None:
    if asked.connected_for() < asked.ttl:
        return None
    expired = (
        select(LeaseTable.trial_id, LeaseTable.cell_id, LeaseTable.token, LeaseTable.attempts, CellTable.lost)
        .join(EntryTable, EntryTable.cell_id == LeaseTable.cell_id)
        .join(CellTable, CellTable.cell_id == LeaseTable.cell_id)
        .where(EntryTable.study_id == asked.study_id, EntryTable.phase == asked.phase)
        .where(LeaseTable.expires_at <= DatabaseClock(), server_age(connection) >= asked.ttl)
        .order_by(LeaseTable.expires_at)
        .limit(1)
        .with_for_update(of=LeaseTable, skip_locked=True)
    )
    while (row := connection.execute(expired).one_or_none()) is not None:
        mine = LeaseTable.trial_id == row.trial_id
        if row.attempts >= MAX_LOST:
            connection.execute(delete(LeaseTable).where(mine))
            told = select(func.count(), func.coalesce(func.sum(EpochTable.seconds), 0.0))
            epochs, seconds = connection.execute(told.where(EpochTable.trial_id == row.trial_id)).one()
            lost = Result(
                "failed", f"lost {MAX_LOST} workers without a new checkpoint", None, None, None, None, epochs, seconds
            )
            # No nonce: the last holder must not take this end for its own.
            cells.end_cell(connection, row.cell_id, lost, token=row.token + 1, nonce=None, lost=row.lost + 1)
            continue
        change = {"worker": asked.worker, "token": row.token + 1, "nonce": asked.nonce}
        expiry = {"expires_at": DatabaseClock() + asked.ttl, "attempts": row.attempts + 1}
        connection.execute(update(LeaseTable).where(mine).values(change | expiry))
        changed = update(CellTable).where(CellTable.cell_id == row.cell_id)
        connection.execute(changed.values(change | {"lost": row.lost + 1}))
        return row.cell_id
    return None


def _take_waiting(connection: Connection, asked: Asked) -> int | None:
    waiting = (
        select(CellTable.cell_id, CellTable.trial_id, CellTable.token)
        .join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
        .where(EntryTable.study_id == asked.study_id, EntryTable.phase == asked.phase, CellTable.state == "WAITING")
        .order_by(CellTable.cell_id)
        .limit(1)
        .with_for_update(of=CellTable, skip_locked=True)
    )
    row = connection.execute(waiting).one_or_none()
    if row is None:
        return None
    change = {"worker": asked.worker, "token": row.token + 1, "nonce": asked.nonce}
    changed = update(CellTable).where(CellTable.cell_id == row.cell_id)
    connection.execute(changed.values(change | {"state": "RUNNING"}))
    insert_lease(connection, asked, row.trial_id, row.cell_id, row.token + 1, attempts=1)
    if not optuna_tables.set_state(connection, row.trial_id, TrialState.RUNNING):
        raise StudyMissing(f"Optuna's trial of cell {row.cell_id} was deleted from outside: delete the study")
    return row.cell_id


def insert_lease(connection: Connection, asked: Asked, trial_id: int, cell_id: int, token: int, attempts: int) -> None:
    """For this very claim, from now on. `attempts`: workers that the trial has cost since it got on last, and one."""
    row = {
        "trial_id": trial_id,
        "study_id": asked.study_id,
        "cell_id": cell_id,
        "worker": asked.worker,
        "token": token,
        "nonce": asked.nonce,
        "expires_at": DatabaseClock() + asked.ttl,
        "attempts": attempts,
    }
    connection.execute(insert(LeaseTable).values(row))


def _lease(connection: Connection, asked: Asked, cell_id: int) -> Lease:
    rows = (
        select(CellTable, EntryTable.params, EntryTable.label, EntryTable.role, LeaseTable.attempts)
        .join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
        .join(LeaseTable, LeaseTable.cell_id == CellTable.cell_id)
        .where(CellTable.cell_id == cell_id, EntryTable.phase == asked.phase)
    )
    row = connection.execute(rows).one()
    return Lease(
        study_id=asked.study_id,
        phase=asked.phase,
        trial_id=row.trial_id,
        number=row.number,
        cell_id=cell_id,
        token=row.token,
        attempt=row.attempts,
        recipe=row.recipe,
        replicate=row.replicate,
        signature=row.signature,
        params=row.params,
        label=row.label,
        role=row.role,
        worker=row.worker,
        nonce=row.nonce,
        optuna_study=row.optuna_study,
        epochs=cells.epochs_of(connection, row.trial_id),
        checkpoints=cells.checkpoints_of(connection, row.trial_id),
    )

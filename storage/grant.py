"""The transactions behind claim(), in this order: what a nonce seen before has won, an expired lease, a trial that
waits; if there is none, a new trial within the budget.

The reaper of dead workers *is* the claim: a trial is taken over under its own number with a higher token, and whoever
held it before can write nothing more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, Float, delete, exists, func, insert, literal, select, update

from storage import cells, optuna_tables
from storage.errors import StudyMissing
from storage.rows import Lease, Proposal, Result
from storage.schema import (
    BudgetTable,
    CellTable,
    DatabaseClock,
    EntryTable,
    EpochTable,
    LeaseTable,
    table_of,
)
from storage.shown import Shown
from storage.upsert import insert_or_ignore

MAX_LOST = 5  # workers that one trial may cost


class Conflict(Exception):
    """Somebody else was faster; the transaction is undone and the caller looks again."""


class Known(Conflict):
    """The run exists already, in another phase: it is to be referred to."""


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
    _insert_lease(connection, asked, row.trial_id, row.cell_id, row.token + 1, attempts=1)
    if not optuna_tables.set_state(connection, row.trial_id, TrialState.RUNNING):
        raise StudyMissing(f"Optuna's trial of cell {row.cell_id} was deleted from outside: delete the study")
    return row.cell_id


def enter(connection: Connection, asked: Asked, proposal: Proposal, optuna_study: str) -> Lease:
    """Count the proposal in the budget and start it. Raises Conflict, Known."""
    newest_trial = _spend(connection, asked, optuna_tables.locked(optuna_study))
    shown, identity = shown_of(proposal), _identity(asked, proposal)
    # The first statement that sees what was committed while this one waited for the lock: it is held for nothing else.
    known = exists().where(*(getattr(CellTable, name) == value for name, value in identity.items()))
    made = optuna_tables.new_trial(connection, optuna_study, shown, unless=known)
    if made is None:
        raise Known
    trial_id, number = made
    if trial_id <= newest_trial:  # SQLite uses the ids of deleted trials again
        cells.forget_trial(connection, [trial_id])
    cell = identity | {
        "recipe": proposal.recipe,
        "home": asked.phase,
        "trial_id": trial_id,
        "optuna_study": optuna_study,
        "number": number,
        "state": "RUNNING",
        "epochs": 0,
        "seconds": 0.0,
        "token": 1,
        "nonce": asked.nonce,
        "lost": 0,
        "worker": asked.worker,
    }
    cell_id = insert_or_ignore(connection, table_of(CellTable), cell)
    if cell_id is None:
        raise Known
    entry = _entry(asked, proposal, shown) | {"cell_id": cell_id, "trial_id": trial_id, "number": number}
    connection.execute(insert(EntryTable).values(entry))
    _insert_lease(connection, asked, trial_id, cell_id, token=1, attempts=1)
    return Lease(
        study_id=asked.study_id,
        phase=asked.phase,
        trial_id=trial_id,
        number=number,
        cell_id=cell_id,
        token=1,
        attempt=1,
        recipe=proposal.recipe,
        replicate=proposal.cell.replicate,
        signature=proposal.cell.signature,
        params=dict(proposal.params),
        label=proposal.label,
        role=proposal.role,
        worker=asked.worker,
        nonce=asked.nonce,
        optuna_study=optuna_study,
        epochs=[],
        checkpoints=[],
    )


def refer(connection: Connection, asked: Asked, proposal: Proposal) -> None:
    """Count the proposal in the budget as a use of the run that exists. Raises Conflict when this phase has it."""
    _spend(connection, asked)
    found = select(CellTable.cell_id).filter_by(**_identity(asked, proposal)).with_for_update(read=True)
    cell_id = connection.execute(found).scalar_one_or_none()
    entry = _entry(asked, proposal, shown_of(proposal)) | {"cell_id": cell_id}
    if cell_id is None or insert_or_ignore(connection, table_of(EntryTable), entry) is None:
        raise Conflict


def _spend(connection: Connection, asked: Asked, *conditions: ColumnElement[bool]) -> int:
    """One run of the budget, under `conditions`; the highest id of any trial so far. Raises Conflict."""
    within = BudgetTable.used < BudgetTable.allowed, BudgetTable.closed.is_(None)
    here = BudgetTable.study_id == asked.study_id, BudgetTable.phase == asked.phase
    unheard = ~exists().where(LeaseTable.nonce == asked.nonce)  # or this is the repetition of what was committed
    newest = select(func.coalesce(func.max(CellTable.trial_id), 0)).scalar_subquery()
    spent = (
        update(BudgetTable)
        .where(*here, *within, unheard, *conditions)
        .values(used=BudgetTable.used + 1)
        .returning(newest)
    )
    newest_trial = connection.execute(spent).scalar_one_or_none()
    if newest_trial is None:
        raise Conflict
    return newest_trial


def _identity(asked: Asked, proposal: Proposal) -> dict[str, Any]:
    return {
        "study_id": asked.study_id,
        "signature": proposal.cell.signature,
        "data_digest": proposal.data_digest,
        "replicate": proposal.cell.replicate,
    }


def shown_of(proposal: Proposal) -> Shown:
    """How Optuna shows a proposed run."""
    attrs = {"role": proposal.role, "label": proposal.label, "replicate": proposal.cell.replicate, **proposal.attrs}
    return Shown(proposal.params, proposal.distributions, attrs)


def _entry(asked: Asked, proposal: Proposal, shown: Shown) -> dict[str, Any]:
    return {
        "study_id": asked.study_id,
        "phase": asked.phase,
        "role": proposal.role,
        "label": proposal.label,
        "params": dict(proposal.params),
        "shown": shown.frozen(),
    }


def _insert_lease(connection: Connection, asked: Asked, trial_id: int, cell_id: int, token: int, attempts: int) -> None:
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

"""A new trial within the budget of its phase: counted, numbered, started and leased in one transaction.

SQLite is asked step by step, PostgreSQL all at once: see storage/at_once.py for the reason.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update

from storage import at_once, cells, optuna_births, optuna_tables
from storage.grant import Asked, insert_lease
from storage.rows import Lease, Proposal
from storage.schema import BudgetTable, CellTable, EntryTable, LeaseTable, table_of
from storage.shown import Shown
from storage.upsert import insert_or_ignore


class Conflict(Exception):
    """Somebody else was faster; the transaction is undone and the caller looks again."""


class Known(Conflict):
    """The run exists already, in another phase: it is to be referred to."""


def enter(connection: Connection, asked: Asked, proposal: Proposal, optuna_study: str) -> Lease:
    """Count the proposal in the budget and start it: the last word of its transaction. Raises Conflict, Known."""
    cell = _identity(asked, proposal) | {
        "recipe": proposal.recipe,
        "home": asked.phase,
        "optuna_study": optuna_study,
        "state": "RUNNING",
        "epochs": 0,
        "seconds": 0.0,
        "token": 1,
        "nonce": asked.nonce,
        "lost": 0,
        "worker": asked.worker,
    }
    shown = shown_of(proposal)
    entry = _entry(asked, proposal, shown)
    started = _at_once if connection.dialect.name == "postgresql" else _step_by_step
    trial_id, number, cell_id = started(connection, asked, shown, cell, entry)
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


def _at_once(
    connection: Connection, asked: Asked, shown: Shown, cell: dict[str, Any], entry: dict[str, Any]
) -> tuple[int, int, int]:
    made = at_once.enter(connection, asked, shown, cell, entry)
    if isinstance(made, at_once.Refused):
        raise Known if made.known else Conflict
    return made


def _step_by_step(
    connection: Connection, asked: Asked, shown: Shown, cell: dict[str, Any], entry: dict[str, Any]
) -> tuple[int, int, int]:
    newest_trial = _spend(connection, asked, optuna_tables.locked(cell["optuna_study"]))
    identity = {name: cell[name] for name in at_once.IDENTITY}
    known = exists().where(*(getattr(CellTable, name) == value for name, value in identity.items()))
    made = optuna_births.new_trial(connection, cell["optuna_study"], shown, unless=known)
    if made is None:
        raise Known
    trial_id, number = made
    if trial_id <= newest_trial:  # SQLite uses the ids of deleted trials again
        cells.forget_trial(connection, [trial_id])
    cell_id = insert_or_ignore(connection, table_of(CellTable), cell | {"trial_id": trial_id, "number": number})
    if cell_id is None:
        raise Known
    told = entry | {"cell_id": cell_id, "trial_id": trial_id, "number": number}
    connection.execute(insert(EntryTable).values(told))
    insert_lease(connection, asked, trial_id, cell_id, token=1, attempts=1)
    return trial_id, number, cell_id


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

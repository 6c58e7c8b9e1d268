"""claim(): how a worker gets its next run, without a server that hands them out.

The loop looks (one reading statement, of what is new or unfinished), draws a proposal outside of any transaction, and
asks for the grant. That a phase is done is decided on a look taken after the draw. Runs that this phase shares with
another are shown in its own Optuna study by whoever sees first that they have ended.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select

from storage import cells, halt, optuna_births
from storage.database import Database
from storage.entering import Conflict, Known, enter, refer, shown_of
from storage.errors import StudyMissing
from storage.grant import Asked, server_age, take
from storage.history import COLUMNS, History
from storage.rows import UNFINISHED, CellKey, Lease, PhaseDone, Proposal, Wait
from storage.schema import BudgetTable, CellTable, DatabaseClock, EntryTable, LeaseTable, ManifestTable

Draw = Callable[[frozenset[CellKey]], Proposal | None]

POLL_SECONDS = 0.5  # how often it is worth asking while others run


@dataclass(frozen=True)
class _View:
    """The state of a phase at one instant."""

    study: str
    allowed: int
    used: int
    closed: str | None
    entered: int
    unfinished: int
    claimable: int
    next_expiry: float | None  # seconds from now, of the lease of the study that expires next
    hold: float  # seconds until this worker may take over
    stopped: bool
    unshown: list[int]  # entries whose run has ended elsewhere and has no copy here yet

    @property
    def full(self) -> str | None:
        """Why no new run is started, or None."""
        if self.closed is not None:
            return self.closed
        return f"all {self.allowed} runs of the budget are used" if self.used >= self.allowed else None


def claim(database: Database, history: History, asked: Asked, draw: Draw) -> Lease | Wait | PhaseDone:
    """The next run for a worker, or how long to wait, or the news that the phase is done.

    Nothing is begun of a study that was stopped: `history.stopped` says so. Raises StudyMissing when the phase was
    never opened or the study was deleted.
    """
    while True:
        view = database.read(lambda connection: _look(connection, asked, history))
        history.stopped = view.stopped
        if view.stopped:
            return Wait(seconds=POLL_SECONDS, running=view.unfinished)
        for entry_id in view.unshown:
            database.write(lambda connection: cells.show_reused(connection, entry_id))  # noqa: B023
        if view.claimable:
            lease = database.write(lambda connection: take(connection, asked))
            if lease is not None:
                return lease
            time.sleep(random.uniform(0.0, 0.05))  # somebody else was faster, or is renewing at this moment
            continue
        if view.full is None:
            proposal = draw(history.taken)
            if proposal is not None:
                if proposal.cell in history.taken:
                    raise ValueError(f"the draw proposed {proposal.cell}, which is entered in {asked.phase} already")
                study = f"{view.study}/{asked.phase}"
                if proposal.distributions != history.checked:
                    shown = shown_of(proposal)
                    database.read(lambda connection: optuna_births.check_compatible(connection, study, shown))  # noqa: B023
                    history.checked = proposal.distributions
                lease = _enter(database, history, asked, proposal, study)
                if lease is not None:
                    return lease
                continue
            # Others may have entered the last runs since that look: only one after the draw shows them unfinished.
            view = database.read(lambda connection: _look(connection, asked, history))
            if view.claimable or view.unshown:
                continue
        if view.unfinished == 0:
            return PhaseDone(view.full or f"all {view.entered} runs of the domain are entered")
        soon = POLL_SECONDS if view.next_expiry is None else min(POLL_SECONDS, max(view.next_expiry, view.hold))
        return Wait(seconds=max(0.05, soon) * random.uniform(0.8, 1.2), running=view.unfinished)


def _enter(database: Database, history: History, asked: Asked, proposal: Proposal, optuna_study: str) -> Lease | None:
    """Start the proposed run; None when it is referenced instead, or somebody else was faster."""
    try:
        return database.write(lambda connection: enter(connection, asked, proposal, optuna_study))
    except Known:
        database.read(lambda connection: _look(connection, asked, history))
        if proposal.cell not in history.taken:  # else it was entered here meanwhile: no lock is taken to learn that
            with suppress(Conflict):
                database.write(lambda connection: refer(connection, asked, proposal))
    except Conflict:  # or Optuna's study is gone, which is told here
        database.read(lambda connection: optuna_births.check_compatible(connection, optuna_study, shown_of(proposal)))
    return None


def _look(connection: Connection, asked: Asked, history: History) -> _View:
    # One statement, hence one instant: a run that is in the budget is among the unfinished, too.
    entries = EntryTable.__table__.join(CellTable.__table__, CellTable.cell_id == EntryTable.cell_id).outerjoin(
        LeaseTable.__table__, LeaseTable.cell_id == CellTable.cell_id
    )
    budget = BudgetTable.study_id == asked.study_id, BudgetTable.phase == asked.phase
    held_by_others = and_(LeaseTable.expires_at > DatabaseClock(), LeaseTable.nonce != asked.nonce)
    changed = or_(CellTable.state != "RUNNING", LeaseTable.cell_id.is_(None), not_(held_by_others))
    looked = (
        select(
            ManifestTable.name.label("study"),
            BudgetTable.allowed,
            BudgetTable.used,
            BudgetTable.closed,
            DatabaseClock().label("now"),
            server_age(connection).label("server_age"),
            history.phases().label("phases"),
            halt.asked(asked.study_id).label("stopped"),
            _next_expiry(asked).label("next_expiry"),
            LeaseTable.nonce.label("held_by"),
            LeaseTable.expires_at,
            *COLUMNS,
        )
        .select_from(BudgetTable.__table__.outerjoin(entries, history.news(changed)))
        .join(ManifestTable, ManifestTable.study_id == BudgetTable.study_id)
        .where(*budget)
    )
    found = connection.execute(looked).all()
    if not found:
        raise StudyMissing(f"the phase {asked.phase} of study {asked.study_id} is not in the database: deleted?")
    phase = found[0]
    if history.stale(phase.phases):
        return _look(connection, asked, history)
    told = [row for row in found if row.entry_id is not None]
    runs = [history.note(row[-len(COLUMNS) :]) for row in told]
    hold = max(0.0, asked.ttl - min(asked.connected_for(), phase.server_age))
    expired = sum(row.expires_at is not None and row.expires_at <= phase.now for row in told)
    waiting = sum(run.state == "WAITING" for run in runs)
    won = sum(row.held_by == asked.nonce for row in told)
    return _View(
        study=phase.study,
        allowed=phase.allowed,
        used=phase.used,
        closed=phase.closed,
        entered=history.entered,
        unfinished=history.unfinished,
        claimable=won + waiting + (expired if hold == 0.0 else 0),
        next_expiry=0.0 if expired else phase.next_expiry and max(0.0, phase.next_expiry - phase.now),
        hold=hold,
        stopped=phase.stopped is not None,
        unshown=[row.entry_id for row in told if row.own_number is None and row.state not in UNFINISHED],
    )


def _next_expiry(asked: Asked) -> ColumnElement[Any]:
    """When the next lease of the study, perhaps of another phase, expires."""
    soon = LeaseTable.study_id == asked.study_id, LeaseTable.expires_at > DatabaseClock()
    return select(func.min(LeaseTable.expires_at)).where(*soon).scalar_subquery()

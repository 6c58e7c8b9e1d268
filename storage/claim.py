"""claim(): how a worker gets its next run, without a server that hands them out.

The loop looks (one cheap reading statement), draws a proposal outside of any transaction, and asks for the grant. That
a phase is done is decided on a look taken after the draw.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, literal, select

from storage.database import Database
from storage.errors import StudyMissing
from storage.grant import UNFINISHED, Asked, Conflict, server_age, take
from storage.rows import CellKey, Lease, PhaseDone, Proposal, Wait
from storage.schema import BudgetTable, CellTable, DatabaseClock, EntryTable, LeaseTable

Draw = Callable[[frozenset[CellKey]], Proposal | None]

POLL_SECONDS = 0.5  # how often it is worth asking while others run


@dataclass(frozen=True)
class _View:
    """The state of a phase at one instant."""

    allowed: int
    used: int
    closed: str | None
    entered: int
    unfinished: int
    claimable: int
    next_expiry: float | None  # seconds from now, of the lease that expires next
    hold: float  # seconds until this worker may take over

    @property
    def full(self) -> str | None:
        """Why no new run is started, or None."""
        if self.closed is not None:
            return self.closed
        return f"all {self.allowed} runs of the budget are used" if self.used >= self.allowed else None


def claim(
    database: Database, study_id: int, phase: str, worker: str, nonce: str, draw: Draw
) -> Lease | Wait | PhaseDone:
    """The next run for a worker, or how long to wait, or the news that the phase is done.

    Raises StudyMissing when the phase was never opened or the study was deleted.
    """
    asked = Asked(study_id, phase, worker, nonce, database.ttl, database.connected_for)
    while True:
        view = database.read(lambda connection: _look(connection, asked))
        if view.claimable:
            lease = database.write(lambda connection: take(connection, asked))
            if lease is not None:
                return lease
            time.sleep(random.uniform(0.0, 0.05))  # somebody else was faster, or is renewing at this moment
            continue
        if view.full is None:
            taken = database.read(lambda connection: _entered(connection, study_id, phase))
            proposal = draw(taken)
            if proposal is not None:
                if proposal.cell in taken:
                    raise ValueError(f"the draw proposed {proposal.cell}, which is entered in {phase} already")
                with suppress(Conflict):
                    lease = database.write(lambda connection: take(connection, asked, proposal))  # noqa: B023
                    if lease is not None:
                        return lease
                continue
            # Others may have entered the last runs since that look: only one after the draw shows them unfinished.
            view = database.read(lambda connection: _look(connection, asked))
            if view.claimable:
                continue
        if view.unfinished == 0:
            return PhaseDone(view.full or f"all {view.entered} runs of the domain are entered")
        soon = POLL_SECONDS if view.next_expiry is None else min(POLL_SECONDS, max(view.next_expiry, view.hold))
        return Wait(seconds=max(0.05, soon) * random.uniform(0.8, 1.2), running=view.unfinished)


def _look(connection: Connection, asked: Asked) -> _View:
    here = EntryTable.study_id == asked.study_id, EntryTable.phase == asked.phase
    joined = (
        select(
            func.count().label("entered"),
            func.count().filter(CellTable.state.in_(UNFINISHED)).label("unfinished"),
            func.count().filter(CellTable.state == "WAITING").label("waiting"),
            func.count().filter(LeaseTable.nonce == asked.nonce).label("won"),
            func.count().filter(LeaseTable.expires_at <= DatabaseClock()).label("expired"),
            func.min(case((LeaseTable.expires_at > DatabaseClock(), LeaseTable.expires_at))).label("next_expiry"),
        )
        .select_from(EntryTable)
        .join(CellTable, CellTable.cell_id == EntryTable.cell_id)
        .outerjoin(LeaseTable, LeaseTable.cell_id == CellTable.cell_id)
        .where(*here)
        .subquery()
    )
    # One statement, hence one instant: a run that is in the budget is among the unfinished, too.
    budget = BudgetTable.study_id == asked.study_id, BudgetTable.phase == asked.phase
    looked = select(
        BudgetTable.allowed,
        BudgetTable.used,
        BudgetTable.closed,
        joined,
        DatabaseClock().label("now"),
        server_age(connection).label("server_age"),
    ).join(joined, literal(True))
    row = connection.execute(looked.where(*budget)).one_or_none()
    if row is None:
        raise StudyMissing(f"the phase {asked.phase} of study {asked.study_id} is not in the database: deleted?")
    hold = max(0.0, asked.ttl - min(asked.connected_for(), row.server_age))
    return _View(
        allowed=row.allowed,
        used=row.used,
        closed=row.closed,
        entered=row.entered,
        unfinished=row.unfinished,
        claimable=row.won + row.waiting + (row.expired if hold == 0.0 else 0),
        next_expiry=0.0 if row.expired else (None if row.next_expiry is None else row.next_expiry - row.now),
        hold=hold,
    )


def _entered(connection: Connection, study_id: int, phase: str) -> frozenset[CellKey]:
    cells = select(CellTable.signature, CellTable.replicate).join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
    here = EntryTable.study_id == study_id, EntryTable.phase == phase
    return frozenset(CellKey(*row) for row in connection.execute(cells.where(*here)))

"""What the holder of a lease may write. Every function that writes checks the token first, in its own transaction.

A worker whose lease was taken over, or whose study was deleted, gets LeaseLost, and nothing of it is written. A lease
past its expiry that nobody took yet is as good as new.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import Connection, delete, select, true, update

from storage import attempts, blobs, fleet, halt, optuna_tables, runs
from storage.attempts import AttemptRow
from storage.blobs import Blob
from storage.cells import end_cell, finite
from storage.errors import LeaseLost
from storage.rows import STATE_OF_STOP, CheckpointRow, EpochRow, Lease, Result, RungScore
from storage.schema import CellTable, CheckpointTable, DatabaseClock, EpochTable, LeaseTable, table_of
from storage.upsert import upsert

KEPT_CHECKPOINTS = 2  # per kind


def holds(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still this one: not taken over, not ended, not deleted. Past its expiry it still may be."""
    return connection.execute(select(LeaseTable.token).where(*_held(lease))).first() is not None


def renew(connection: Connection, lease: Lease, ttl: float, **change: Any) -> bool:
    """Push the expiry `ttl` seconds ahead; whether the study was stopped meanwhile."""
    renewed = update(LeaseTable).where(*_held(lease)).values(expires_at=DatabaseClock() + ttl, **change)
    row = connection.execute(renewed.returning(halt.asked(lease.study_id).label("stopped"))).one_or_none()
    if row is None:
        raise _lost(lease)
    return row.stopped is not None


def report(
    connection: Connection,
    lease: Lease,
    ttl: float,
    epochs: Sequence[EpochRow],
    checkpoints: Sequence[CheckpointRow],
    attempt: AttemptRow | None = None,
    doing: str | None = None,
) -> bool:
    """Epochs, pointers, what the attempt cost, and a renewal at once. Writing the same again changes nothing.

    Returns whether the study was stopped meanwhile.
    """
    # Progress: a run that is often preempted is not one that kills its workers.
    fresh = {"attempts": 1} if any(each.kind == "resume" for each in checkpoints) else {}
    stopped = renew(connection, lease, ttl, **fresh)
    _write_epochs(connection, lease, epochs)
    _write_checkpoints(connection, lease, checkpoints)
    if attempt is not None:
        attempts.write(connection, lease, attempt)
    if doing is not None:
        fleet.beat(connection, [lease.worker], doing)
    return stopped


def at_rung(connection: Connection, lease: Lease, epochs: Sequence[EpochRow], epoch: int) -> list[RungScore]:
    """Write epochs for others to compare with, and read what the rung rule compares at `epoch`.

    Two statements, for this is half of what a short trial costs: the first checks and locks the lease and reads. Optuna
    is told with the next report.
    """
    held = select(LeaseTable.token).where(*_held(lease)).with_for_update(read=True).subquery("held")
    company = runs.company(lease.study_id, lease.phase, epoch).subquery("company")
    asked = select(company).select_from(held.outerjoin(company, true())).order_by(company.c.trial_id)
    rows = connection.execute(asked).all()
    if not rows:
        raise _lost(lease)
    _upsert_epochs(connection, lease, epochs)
    return [RungScore(*row) for row in rows if row.trial_id is not None]


def put(connection: Connection, lease: Lease, ttl: float, piece: dict[str, Any]) -> None:
    """One chunk of a blob, and a renewal: the row of the lease is held, so that nobody can take it over meanwhile."""
    renew(connection, lease, ttl)
    blobs.write(connection, lease, piece)


def finish(
    connection: Connection,
    lease: Lease,
    result: Result,
    epochs: Sequence[EpochRow],
    checkpoints: Sequence[CheckpointRow],
    attempt: AttemptRow | None = None,
    small_blobs: Sequence[Blob] = (),
) -> None:
    """The end of the run and of the lease. Repeating it with the same lease is allowed, and changes nothing."""
    if not connection.execute(delete(LeaseTable).where(*_held(lease))).rowcount:
        if _ended_by(connection, lease, *STATE_OF_STOP.values()):
            return
        raise _lost(lease)
    _write_epochs(connection, lease, epochs)
    if result.stop != "failed" and lease.token > 1:  # else nobody was here before
        _forget_epochs_after(connection, lease.trial_id, result.epochs_total)
    _write_checkpoints(connection, lease, checkpoints)
    if attempt is not None:
        attempts.write(connection, lease, attempt)
    if lease.token > 1:
        blobs.forget_earlier(connection, lease)
    for piece in (piece for blob in small_blobs for piece in blobs.pieces(blob)):
        blobs.write(connection, lease, piece)
    if not end_cell(connection, lease.cell_id, result):
        raise _lost(lease)


def release(connection: Connection, lease: Lease) -> None:
    """Give a trial back unfinished: it waits, under its number, for whoever claims next. Repeatable."""
    if not connection.execute(delete(LeaseTable).where(*_held(lease))).rowcount:
        if _ended_by(connection, lease, "WAITING"):
            return
        raise _lost(lease)
    connection.execute(update(CellTable).where(CellTable.cell_id == lease.cell_id).values(state="WAITING"))
    if not optuna_tables.set_state(connection, lease.trial_id, TrialState.WAITING):
        raise _lost(lease)


def _held(lease: Lease) -> tuple[Any, ...]:
    return LeaseTable.trial_id == lease.trial_id, LeaseTable.token == lease.token, LeaseTable.nonce == lease.nonce


def _ended_by(connection: Connection, lease: Lease, *states: str) -> bool:
    """Whether this very lease has ended already, in one of these states: a commit whose answer was lost."""
    mine = CellTable.cell_id == lease.cell_id, CellTable.token == lease.token, CellTable.nonce == lease.nonce
    return connection.execute(select(CellTable.cell_id).where(*mine, CellTable.state.in_(states))).first() is not None


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"trial {lease.optuna_study} #{lease.number} is no longer held by {lease.worker} (token {lease.token}):"
        " another worker took it over, or the study was deleted"
    )


def _write_epochs(connection: Connection, lease: Lease, epochs: Sequence[EpochRow]) -> None:
    """In our table and, for the viewer, in Optuna's."""
    _upsert_epochs(connection, lease, epochs)
    optuna_tables.report(connection, lease.trial_id, {row.epoch: row.score for row in epochs}.items())


def _upsert_epochs(connection: Connection, lease: Lease, epochs: Sequence[EpochRow]) -> None:
    unique = {row.epoch: row for row in epochs}.values()  # one statement cannot replace a row twice
    rows = [
        {
            "trial_id": lease.trial_id,
            "epoch": row.epoch,
            "token": lease.token,
            "phase": row.phase,
            "score": finite(row.score),
            "train_loss": finite(row.train_loss),
            "val_loss": finite(row.val_loss),
            "lr": finite(row.lr),
            "seconds": row.seconds,
        }
        for row in unique
    ]
    upsert(connection, table_of(EpochTable), rows, keys=("trial_id", "epoch"))


def _forget_epochs_after(connection: Connection, trial_id: int, epoch: int) -> None:
    connection.execute(delete(EpochTable).where(EpochTable.trial_id == trial_id, EpochTable.epoch > epoch))
    optuna_tables.forget_steps_after(connection, trial_id, epoch)


def _write_checkpoints(connection: Connection, lease: Lease, checkpoints: Iterable[CheckpointRow]) -> None:
    columns = "token", "epoch", "kind", "location", "host", "size", "sha256"
    rows = {
        (each.token, each.epoch, each.kind): {name: getattr(each, name) for name in columns}
        | {"trial_id": lease.trial_id, "at": DatabaseClock()}
        for each in checkpoints
    }
    for row in rows.values():
        upsert(connection, table_of(CheckpointTable), [row], keys=("trial_id", "token", "epoch", "kind"))
    for kind in {row["kind"] for row in rows.values() if row["kind"] == "resume" or lease.token > 1}:
        mine = CheckpointTable.trial_id == lease.trial_id, CheckpointTable.kind == kind
        kept = select(CheckpointTable.id).where(*mine).order_by(CheckpointTable.id.desc()).limit(KEPT_CHECKPOINTS)
        connection.execute(delete(CheckpointTable).where(*mine, CheckpointTable.id.not_in(kept)))

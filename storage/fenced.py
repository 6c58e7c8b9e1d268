"""What the holder of a lease may write. Every function that writes checks the token first, in its own transaction.

A worker whose lease was taken over, or whose study was deleted, gets LeaseLost, and nothing of it is written. A lease
past its expiry that nobody took yet is as good as new.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import Connection, delete, select, update

from storage import attempts, blobs, optuna_tables
from storage.attempts import AttemptRow
from storage.blobs import Blob
from storage.cells import end_cell, finite
from storage.errors import LeaseLost
from storage.rows import STATE_OF_STOP, CheckpointRow, EpochRow, Lease, Result
from storage.schema import CellTable, CheckpointTable, DatabaseClock, EpochTable, LeaseTable, table_of
from storage.upsert import upsert

KEPT_CHECKPOINTS = 2  # per kind


def holds(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still this one: not taken over, not ended, not deleted. Past its expiry it still may be."""
    return connection.execute(select(LeaseTable.token).where(*_held(lease))).first() is not None


def renew(connection: Connection, lease: Lease, ttl: float) -> None:
    """Push the expiry `ttl` seconds ahead."""
    renewed = update(LeaseTable).where(*_held(lease)).values(expires_at=DatabaseClock() + ttl)
    if not connection.execute(renewed).rowcount:
        raise _lost(lease)


def report(
    connection: Connection,
    lease: Lease,
    ttl: float,
    epochs: Sequence[EpochRow],
    checkpoints: Sequence[CheckpointRow],
    attempt: AttemptRow | None = None,
) -> None:
    """Epochs, pointers, what the attempt cost, and a renewal at once. Writing the same again changes nothing."""
    renew(connection, lease, ttl)
    _write_epochs(connection, lease, epochs)
    if any(each.kind == "resume" for each in checkpoints):
        # Progress: a run that is often preempted is not one that kills its workers.
        connection.execute(update(LeaseTable).where(*_held(lease)).values(attempts=1))
    if epochs:
        reached = max(row.epoch for row in epochs)
        connection.execute(update(CellTable).where(CellTable.cell_id == lease.cell_id).values(epochs=reached))
    _write_checkpoints(connection, lease, checkpoints)
    if attempt is not None:
        attempts.write(connection, lease, attempt)


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
    if result.stop != "failed":
        _forget_epochs_after(connection, lease.trial_id, result.epochs_total)
    _write_checkpoints(connection, lease, checkpoints)
    if attempt is not None:
        attempts.write(connection, lease, attempt)
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
    optuna_tables.report(connection, lease.trial_id, [(row.epoch, row.score) for row in unique])


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
    for kind in {row["kind"] for row in rows.values()}:
        mine = CheckpointTable.trial_id == lease.trial_id, CheckpointTable.kind == kind
        kept = select(CheckpointTable.id).where(*mine).order_by(CheckpointTable.id.desc()).limit(KEPT_CHECKPOINTS)
        ids = connection.execute(kept).scalars().all()
        connection.execute(delete(CheckpointTable).where(*mine, CheckpointTable.id.not_in(ids)))

"""Cells: how a run ends, in every phase that uses it, and what is known of it so far."""

from math import isfinite
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import Connection, delete, select, update

from storage import attempts, blobs, optuna_births, optuna_tables
from storage.names import clean_text
from storage.rows import STATE_OF_STOP, CheckpointRow, EpochRow, Result
from storage.schema import CellTable, CheckpointTable, EntryTable, EpochTable
from storage.shown import Shown


def end_cell(connection: Connection, cell_id: int, result: Result, **change: Any) -> bool:
    """Make a cell terminal, in Optuna too. False when Optuna's trial is gone.

    Other phases that use it show their copy as soon as a worker of theirs looks (`show_reused`).
    """
    state = STATE_OF_STOP[result.stop]
    value = 0.0 if result.stop == "diverged" else result.value
    if state == "FAIL" or value is None or not isfinite(value):
        value = None
    reason = clean_text(result.reason)
    change |= {
        "state": state,
        "stop": result.stop,
        "reason": reason,
        "best_score": finite(result.best_score),
        "best_epoch": result.best_epoch,
        "last_score": finite(result.last_score),
        "epochs": result.epochs_total,
        "seconds": result.seconds,
        "test_score": finite(result.test_score),
    }
    ended = update(CellTable).where(CellTable.cell_id == cell_id).values(change).returning(CellTable.trial_id)
    trial_id = connection.execute(ended).scalar_one()
    if not optuna_tables.set_state(connection, trial_id, TrialState[state], value):
        return False
    if state == "FAIL":
        blobs.forget(connection, [trial_id])
    scored = {} if change["test_score"] is None else {"test_score": change["test_score"]}
    attrs = {**result.attrs, **scored, "stop": result.stop, "reason": reason}
    optuna_tables.set_attrs(connection, trial_id, attrs)
    return True


def show_reused(connection: Connection, entry_id: int) -> None:
    """Put a copy of the terminal run behind an entry into the Optuna study of the entry's own phase, once."""
    unshown = EntryTable.entry_id == entry_id, EntryTable.trial_id.is_(None)
    if connection.execute(select(EntryTable.entry_id).where(*unshown).with_for_update()).first() is None:
        return  # somebody else was faster
    home = CellTable.optuna_study, CellTable.number, CellTable.trial_id, CellTable.home
    own = EntryTable.phase, EntryTable.params, EntryTable.shown
    found = select(*home, *own).join(EntryTable, EntryTable.cell_id == CellTable.cell_id)
    row = connection.execute(found.where(EntryTable.entry_id == entry_id)).one()
    shown = Shown.thawed(row.params, row.shown)
    shown.attrs["reused"] = f"{row.optuna_study} #{row.number}"  # type: ignore[index]
    study = row.optuna_study.removesuffix(row.home) + row.phase
    trial_id, number = optuna_births.copy_trial(connection, row.trial_id, study, shown)
    told = update(EntryTable).where(EntryTable.entry_id == entry_id).values(trial_id=trial_id, number=number)
    connection.execute(told)


def epochs_of(connection: Connection, trial_id: int) -> list[EpochRow]:
    """The epochs of a trial so far, of whichever attempt told them last."""
    rows = select(EpochTable).where(EpochTable.trial_id == trial_id).order_by(EpochTable.epoch)
    return [epoch_row(row) for row in connection.execute(rows)]


def epoch_row(row: Any) -> EpochRow:
    """A row of our table as it is told: NaN for what was not finite."""
    numbers = {name: number_of(getattr(row, name)) for name in ("score", "train_loss", "val_loss", "lr")}
    return EpochRow(epoch=row.epoch, phase=row.phase, seconds=row.seconds, **numbers)


def checkpoints_of(connection: Connection, trial_id: int) -> list[CheckpointRow]:
    """The pointers of a trial, newest first, of every attempt."""
    rows = select(CheckpointTable).where(CheckpointTable.trial_id == trial_id).order_by(CheckpointTable.id.desc())
    names = CheckpointRow.__dataclass_fields__
    return [CheckpointRow(**{name: getattr(row, name) for name in names}) for row in connection.execute(rows)]


def forget_trial(connection: Connection, trial_ids: Any) -> None:
    """Drop epochs, pointers and attempts of trials (ids or a subquery); blobs go with their study."""
    attempts.forget(connection, trial_ids)
    connection.execute(delete(EpochTable).where(EpochTable.trial_id.in_(trial_ids)))
    connection.execute(delete(CheckpointTable).where(CheckpointTable.trial_id.in_(trial_ids)))


def finite(number: float | None) -> float | None:
    """The number as it is stored: None unless it is finite, for SQLite has no NaN."""
    return number if number is not None and isfinite(number) else None


def number_of(number: float | None) -> float:
    """The stored number as it is read: NaN for None."""
    return float("nan") if number is None else number

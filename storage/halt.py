"""A study stopped on every server at once: a row that all workers look at, and that `--resume` takes away."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import Connection, ScalarSelect, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from storage.names import clean_text
from storage.schema import DatabaseClock, MeasurementTable, table_of
from storage.studies import check_exists
from storage.upsert import upsert

KEY = "stop"
How: TypeAlias = Literal["drain", "now"]


@dataclass(frozen=True)
class Halt:
    """`drain`: trials that run are finished, none is begun. `now`: they stop after their epoch, with a checkpoint."""

    how: How
    by: str
    at: float  # seconds since 1970, on the database's clock


def stop(connection: Connection, study_id: int, how: How, by: str) -> None:
    """Stop a study; `now` after `drain` hurries those who are still at work, and the other way round."""
    check_exists(connection, study_id)
    row = {"study_id": study_id, "key": KEY, "value": how, "worker": clean_text(by), "at": DatabaseClock()}
    upsert(connection, table_of(MeasurementTable), [row], keys=("study_id", "key"))


def resume(connection: Connection, study_id: int) -> None:
    """Let a stopped study go on. Repeatable."""
    connection.execute(delete(MeasurementTable).where(*_here(study_id)))


def halt(connection: Connection, study_id: int) -> Halt | None:
    """Who stopped a study, how and when; None while it may go on."""
    columns = MeasurementTable.value, MeasurementTable.worker, MeasurementTable.at
    row = connection.execute(select(*columns).where(*_here(study_id))).one_or_none()
    return None if row is None else Halt(*row)


def asked(study_id: "int | InstrumentedAttribute[int]") -> ScalarSelect[str]:
    """Not null while the study is stopped: a column for statements that are made anyway."""
    return select(MeasurementTable.key).where(*_here(study_id)).scalar_subquery()


def _here(study_id: "int | InstrumentedAttribute[int]") -> tuple:
    return MeasurementTable.study_id == study_id, MeasurementTable.key == KEY

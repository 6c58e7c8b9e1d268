"""What a fleet must agree on is claimed, not set: the first writer's measurement and verdict hold for everybody."""

from typing import Any

from sqlalchemy import Connection, select

from storage.names import check_key, clean_text
from storage.rows import JSON, Verdict
from storage.schema import DatabaseClock, MeasurementTable, VerdictTable, table_of
from storage.studies import check_exists
from storage.upsert import insert_or_ignore


def measure_once(connection: Connection, study_id: int, key: str, value: JSON, worker: str) -> JSON:
    """Store a measurement unless there is one; the stored one."""
    check_exists(connection, study_id)
    row = {"study_id": study_id, "key": check_key(key), "value": value, "worker": worker, "at": DatabaseClock()}
    insert_or_ignore(connection, table_of(MeasurementTable), row)
    return measurement(connection, study_id, key)


def measurement(connection: Connection, study_id: int, key: str) -> JSON:
    """The stored measurement, or None."""
    here = MeasurementTable.study_id == study_id, MeasurementTable.key == key
    return connection.execute(select(MeasurementTable.value).where(*here)).scalar_one_or_none()


def decide_once(connection: Connection, study_id: int, stage: str, verdict: Verdict) -> Verdict:
    """Store the verdict of a stage unless there is one; the stored one."""
    check_exists(connection, study_id)
    row = {
        "study_id": study_id,
        "stage": check_key(stage),
        "outcome": verdict.outcome,
        "value": clean_text(verdict.value),
        "recipe": verdict.recipe,
        "evidence": verdict.evidence,
        "worker": verdict.worker,
        "at": DatabaseClock(),
    }
    insert_or_ignore(connection, table_of(VerdictTable), row)
    here = VerdictTable.study_id == study_id, VerdictTable.stage == stage
    return _verdict(connection.execute(select(VerdictTable).where(*here)).one())


def verdicts(connection: Connection, study_id: int) -> list[Verdict]:
    """The verdicts of a study in the order of their making."""
    rows = select(VerdictTable).where(VerdictTable.study_id == study_id).order_by(VerdictTable.at, VerdictTable.stage)
    return [_verdict(row) for row in connection.execute(rows)]


def _verdict(row: Any) -> Verdict:
    return Verdict(**{field: getattr(row, field) for field in Verdict.__dataclass_fields__})

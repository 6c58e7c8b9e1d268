"""The workers of a study, and who opened the test labels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, insert, select, update

from storage import halt
from storage.names import check_key, clean_text
from storage.rows import TestOpening, WorkerRow
from storage.schema import DatabaseClock, LeaseTable, TestOpeningTable, WorkerTable, table_of
from storage.studies import check_exists
from storage.upsert import upsert


def now(connection: Connection) -> float:
    """Seconds since 1970 on the database's clock."""
    return float(connection.scalar(select(DatabaseClock())) or 0.0)


def register(
    connection: Connection, study_id: int, worker_id: str, host: str, pid: int, device: str, versions: Mapping[str, str]
) -> None:
    """Write a worker down as present; a worker that comes back under its id starts anew."""
    check_exists(connection, study_id)
    row = {
        "worker_id": check_key(worker_id),
        "study_id": study_id,
        "host": clean_text(host),
        "pid": pid,
        "device": clean_text(device),
        "versions": dict(versions),
        "started_at": DatabaseClock(),
        "last_seen": DatabaseClock(),
        "doing": "",
        "left_at": None,
    }
    upsert(connection, table_of(WorkerTable), [row], keys=("worker_id",))


def beat(connection: Connection, worker_ids: Sequence[str], doing: str) -> dict[int, bool]:
    """Say that a worker is alive, and what it does, in every study that it serves under one of these ids; study ->
    whether it was stopped meanwhile."""
    seen = update(WorkerTable).where(WorkerTable.worker_id.in_(worker_ids))
    seen = seen.values(last_seen=DatabaseClock(), doing=clean_text(doing), left_at=None)
    told = seen.returning(WorkerTable.study_id, halt.asked(WorkerTable.study_id).label("stopped"))
    return {row.study_id: row.stopped is not None for row in connection.execute(told)}


def leave(connection: Connection, worker_id: str) -> None:
    """Say goodbye."""
    seen = update(WorkerTable).where(WorkerTable.worker_id == worker_id)
    connection.execute(seen.values(last_seen=DatabaseClock(), left_at=DatabaseClock()))


def workers(connection: Connection, study_id: int, ttl: float) -> list[WorkerRow]:
    """All workers that ever registered for a study, in the order of their coming.

    A lease is a sign of life as well: whoever holds one renewed it `ttl` seconds before it expires.
    """
    renewed = select(func.max(LeaseTable.expires_at)).where(LeaseTable.worker == WorkerTable.worker_id)
    rows = select(WorkerTable, renewed.correlate(WorkerTable).scalar_subquery().label("expires_at"))
    rows = rows.where(WorkerTable.study_id == study_id).order_by(WorkerTable.started_at, WorkerTable.worker_id)
    names = WorkerRow.__dataclass_fields__
    told = []
    for row in connection.execute(rows):
        worker = WorkerRow(**{name: getattr(row, name) for name in names})
        told.append(replace(worker, last_seen=max(worker.last_seen, (row.expires_at or 0.0) - ttl)))
    return told


def record_test_opening(connection: Connection, study_id: int, nonce: str, who: str, why: str) -> None:
    """Record an opening of the test labels; the same nonce is recorded once."""
    check_exists(connection, study_id)
    row = {"study_id": study_id, "nonce": nonce, "who": clean_text(who), "why": clean_text(why), "at": DatabaseClock()}
    if connection.execute(select(TestOpeningTable.id).where(TestOpeningTable.nonce == nonce)).first() is None:
        connection.execute(insert(TestOpeningTable).values(row))


def test_openings(connection: Connection, study_id: int) -> list[TestOpening]:
    """Every opening of the test labels, oldest first."""
    columns = TestOpeningTable.who, TestOpeningTable.why, TestOpeningTable.at
    rows = select(*columns).where(TestOpeningTable.study_id == study_id).order_by(TestOpeningTable.id)
    return [TestOpening(*row) for row in connection.execute(rows)]

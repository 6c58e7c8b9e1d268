"""Attempts: what each worker's try at a trial cost. One row per trial and token; those of lost workers stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.names import clean_text
from storage.rows import JSON, Lease
from storage.schema import Base, DatabaseClock, JsonText, study_key, table_of
from storage.upsert import upsert


class AttemptTable(Base):
    __tablename__ = "ceteris_attempt"
    trial_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    study_id: Mapped[int] = study_key()
    worker: Mapped[str]
    host: Mapped[str]
    device: Mapped[str]
    mode: Mapped[Any] = mapped_column(JsonText)
    began_at: Mapped[float]
    seconds: Mapped[float]
    images: Mapped[int] = mapped_column(BigInteger)
    training_seconds: Mapped[float]
    validation_seconds: Mapped[float]
    device_use: Mapped[float | None]
    core_seconds: Mapped[float]
    peak_bytes: Mapped[int | None] = mapped_column(BigInteger)


@dataclass(frozen=True)
class AttemptRow:
    """What one worker's try at a trial has cost so far; epochs of earlier attempts are not counted again.

    `trial_id`, `token` and `worker` are those of the lease, and `began_at` is the claim: the store fills them in.
    """

    host: str
    device: str
    mode: Mapping[str, JSON]  # how it was trained: {"precision": "bf16", "threads": 1, ...}
    seconds: float  # wall time since the claim
    images: int  # trained on
    training_seconds: float  # of `seconds`, the steps
    validation_seconds: float  # of `seconds`
    core_seconds: float  # CPU core-seconds of the process
    device_use: float | None = None  # mean utilisation of the GPU, 0 to 1; None: no GPU, or not known
    peak_bytes: int | None = None  # the most GPU memory held at once; None: no GPU
    trial_id: int = 0
    token: int = 0
    worker: str = ""
    began_at: float = 0.0


def write(connection: Connection, lease: Lease, attempt: AttemptRow) -> None:
    """Put the attempt of this lease in the place of what was told of it before. The caller has checked the lease."""
    row = {
        "trial_id": lease.trial_id,
        "token": lease.token,
        "study_id": lease.study_id,
        "worker": lease.worker,
        "host": clean_text(attempt.host),
        "device": clean_text(attempt.device),
        "mode": dict(attempt.mode),
        "began_at": DatabaseClock() - attempt.seconds,
        "seconds": attempt.seconds,
        "images": attempt.images,
        "training_seconds": attempt.training_seconds,
        "validation_seconds": attempt.validation_seconds,
        "device_use": attempt.device_use,
        "core_seconds": attempt.core_seconds,
        "peak_bytes": attempt.peak_bytes,
    }
    # The first answer to "when did it begin" holds: a later one is off by however long the database was away.
    upsert(connection, table_of(AttemptTable), [row], keys=("trial_id", "token"), kept=("began_at",))


def attempts(connection: Connection, study_id: int) -> list[AttemptRow]:
    """The attempts of a study, oldest first."""
    rows = select(AttemptTable).where(AttemptTable.study_id == study_id)
    rows = rows.order_by(AttemptTable.began_at, AttemptTable.trial_id, AttemptTable.token)
    names = AttemptRow.__dataclass_fields__
    return [AttemptRow(**{name: getattr(row, name) for name in names}) for row in connection.execute(rows)]


def forget(connection: Connection, trial_ids: Any) -> None:
    """Drop the attempts at trials (ids or a subquery)."""
    connection.execute(delete(AttemptTable).where(AttemptTable.trial_id.in_(trial_ids)))

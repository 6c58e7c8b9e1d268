"""Our own tables, beside Optuna's in the same database; `ceteris_attempt` stands in storage/attempts.py,
`ceteris_blob` in storage/blobs.py.

Changing one means a new SCHEMA_VERSION and a step in storage/migrations.py.

Times are seconds since 1970 on the database's clock (`DatabaseClock()`), never a worker's.
JSON is text, as in Optuna's tables.
Ids are never used again (AUTOINCREMENT on SQLite), so that a deleted study cannot be mistaken for a new one.
"""

import json
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Float, ForeignKey, Index, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from storage.names import to_json

SCHEMA_VERSION = 3
AUTOINCREMENT = {"sqlite_autoincrement": True}


class JsonText(TypeDecorator[Any]):
    """A JSON value kept as text: the same bytes on every backend."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class DatabaseClock(FunctionElement[float]):
    """Seconds since 1970 on the clock of the database, to the millisecond, whatever the session's time zone."""

    type = Float(53)
    inherit_cache = True


@compiles(DatabaseClock, "sqlite")
def _clock_of_sqlite(element: DatabaseClock, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseClock, "postgresql")
def _clock_of_postgresql(element: DatabaseClock, compiler: Any, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class Base(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text(), float: Float(53)}


class VersionTable(Base):
    __tablename__ = "ceteris_version"
    only: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    schema_version: Mapped[int]
    host: Mapped[str]  # the host that may write, where only one may (SQLite)


class ManifestTable(Base):
    __tablename__ = "ceteris_manifest"
    __table_args__ = AUTOINCREMENT
    study_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    definition: Mapped[str]
    resolved: Mapped[str]
    data_digest: Mapped[str]
    recipe_version: Mapped[int]
    versions: Mapped[Any] = mapped_column(JsonText)
    creator: Mapped[str]
    created_at: Mapped[float]


def study_key(primary: bool = False) -> Mapped[int]:
    """A column that ties a row to its study: a row of a deleted study cannot be written."""
    return mapped_column(ForeignKey("ceteris_manifest.study_id"), primary_key=primary, autoincrement=False)


class MeasurementTable(Base):
    __tablename__ = "ceteris_measurement"
    study_id: Mapped[int] = study_key(primary=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JsonText, nullable=True)
    worker: Mapped[str]
    at: Mapped[float]


class BudgetTable(Base):
    """One row per phase: how many runs may be entered, how many are, and why no more are (or null)."""

    __tablename__ = "ceteris_budget"
    study_id: Mapped[int] = study_key(primary=True)
    phase: Mapped[str] = mapped_column(primary_key=True)
    allowed: Mapped[int]
    used: Mapped[int]
    closed: Mapped[str | None]


class CellTable(Base):
    """A run: unique per study on its identity. `token`, `nonce`, `lost` and `worker` are those of the last lease."""

    __tablename__ = "ceteris_cell"
    __table_args__ = (UniqueConstraint("study_id", "signature", "data_digest", "replicate"), AUTOINCREMENT)
    cell_id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = study_key()
    signature: Mapped[str]
    data_digest: Mapped[str]
    replicate: Mapped[int] = mapped_column(BigInteger)
    recipe: Mapped[str]
    home: Mapped[str]  # the phase whose Optuna study holds the trial
    trial_id: Mapped[int] = mapped_column(index=True)
    optuna_study: Mapped[str]
    number: Mapped[int]
    state: Mapped[str]
    stop: Mapped[str | None]
    reason: Mapped[str | None]
    best_score: Mapped[float | None]
    best_epoch: Mapped[int | None]
    last_score: Mapped[float | None]
    epochs: Mapped[int]
    seconds: Mapped[float]
    test_score: Mapped[float | None]
    token: Mapped[int]  # must outlive the lease: a trial released and claimed again gets a higher one
    nonce: Mapped[str | None]  # tells a repeated finish from a zombie's
    lost: Mapped[int]  # workers lost while they held it
    worker: Mapped[str | None]


class EntryTable(Base):
    """Which phase uses a cell, and as what. `trial_id`, `number`: the trial of this phase's own Optuna study, which for
    a run trained elsewhere is a copy, made when the run is terminal (null until then)."""

    __tablename__ = "ceteris_entry"
    __table_args__ = (UniqueConstraint("study_id", "phase", "cell_id"), AUTOINCREMENT)
    entry_id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = study_key()
    phase: Mapped[str]
    cell_id: Mapped[int] = mapped_column(ForeignKey("ceteris_cell.cell_id"), index=True)
    role: Mapped[str]
    label: Mapped[str]
    params: Mapped[Any] = mapped_column(JsonText)
    shown: Mapped[Any] = mapped_column(JsonText)  # distributions and attributes, for the copy to come
    trial_id: Mapped[int | None]
    number: Mapped[int | None]


class LeaseTable(Base):
    """The right to write to a trial. The nonce fences as well as the token: SQLite uses a deleted trial's id again."""

    __tablename__ = "ceteris_lease"
    trial_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    study_id: Mapped[int] = study_key()
    cell_id: Mapped[int] = mapped_column(ForeignKey("ceteris_cell.cell_id"), unique=True)
    worker: Mapped[str]
    token: Mapped[int]
    nonce: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[float]
    attempts: Mapped[int]


class EpochTable(Base):
    __tablename__ = "ceteris_epoch"
    trial_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[int]
    phase: Mapped[str]
    score: Mapped[float | None]  # null: not a finite number
    train_loss: Mapped[float | None]
    val_loss: Mapped[float | None]
    lr: Mapped[float | None]
    seconds: Mapped[float]


class CheckpointTable(Base):
    __tablename__ = "ceteris_checkpoint"
    __table_args__ = (UniqueConstraint("trial_id", "token", "epoch", "kind"), AUTOINCREMENT)
    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int]
    token: Mapped[int]
    epoch: Mapped[int]
    kind: Mapped[str]
    location: Mapped[str]
    host: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    at: Mapped[float]


class VerdictTable(Base):
    __tablename__ = "ceteris_verdict"
    study_id: Mapped[int] = study_key(primary=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    value: Mapped[str]
    recipe: Mapped[str]
    evidence: Mapped[Any] = mapped_column(JsonText, nullable=True)
    worker: Mapped[str]
    at: Mapped[float]


class WorkerTable(Base):
    __tablename__ = "ceteris_worker"
    worker_id: Mapped[str] = mapped_column(primary_key=True)
    study_id: Mapped[int] = study_key()
    host: Mapped[str]
    pid: Mapped[int]
    device: Mapped[str]
    versions: Mapped[Any] = mapped_column(JsonText)
    started_at: Mapped[float]
    last_seen: Mapped[float]
    doing: Mapped[str]
    left_at: Mapped[float | None]


class TestOpeningTable(Base):
    __test__ = False
    __tablename__ = "ceteris_test_opening"
    __table_args__ = AUTOINCREMENT
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = study_key()
    nonce: Mapped[str] = mapped_column(unique=True)  # an opening is recorded once, also when its commit is in doubt
    who: Mapped[str]
    why: Mapped[str]
    at: Mapped[float]


Index("ceteris_lease_expiry", LeaseTable.study_id, LeaseTable.expires_at)


def table_of(model: type[Base]) -> Table:
    """The table itself, where a statement needs it rather than the class."""
    return Base.metadata.tables[model.__tablename__]

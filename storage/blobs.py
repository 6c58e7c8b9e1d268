"""Blobs: bytes of a run that every server wants (predictions, small weights), kept in the database itself.

They are written by the holder of the lease, in chunks that a slow link carries within the time limit of a statement,
and under the token. What is seen are the whole blobs of runs that ended well under that very token: the end of a run
publishes, so that neither half a blob nor one of a worker that lost its trial is ever read.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import BigInteger, Connection, LargeBinary, delete, func, insert, literal, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.rows import Lease
from storage.schema import Base, CellTable, DatabaseClock, study_key, table_of
from storage.upsert import upsert

BlobKind: TypeAlias = Literal["validation", "test", "weights"]
CHUNK_BYTES = 2**20


class BlobTable(Base):
    __tablename__ = "ceteris_blob"
    trial_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    chunk: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 0
    chunks: Mapped[int]
    study_id: Mapped[int] = study_key()
    size: Mapped[int] = mapped_column(BigInteger)  # of the whole, as sha256 is
    sha256: Mapped[str]
    at: Mapped[float]
    data: Mapped[bytes] = mapped_column(LargeBinary)  # last: SQLite reads the others without it


@dataclass(frozen=True)
class Blob:
    """Bytes to be kept with a run."""

    kind: BlobKind
    payload: bytes


@dataclass(frozen=True)
class BlobRow:
    """A blob that is there, whole."""

    trial_id: int
    kind: BlobKind
    token: int
    size: int  # bytes
    sha256: str
    chunks: int
    at: float


def pieces(blob: Blob) -> Iterator[dict[str, Any]]:
    """The rows of a blob, of at most CHUNK_BYTES each."""
    payload, sha256 = memoryview(blob.payload), hashlib.sha256(blob.payload).hexdigest()
    chunks = max(1, -(-len(payload) // CHUNK_BYTES))
    for chunk in range(chunks):
        data = bytes(payload[chunk * CHUNK_BYTES : (chunk + 1) * CHUNK_BYTES])
        whole = {"kind": blob.kind, "chunks": chunks, "size": len(payload), "sha256": sha256}
        yield whole | {"chunk": chunk, "data": data}


def write(connection: Connection, lease: Lease, piece: dict[str, Any]) -> None:
    """One row, again if need be. The caller has checked the lease."""
    own = {"trial_id": lease.trial_id, "token": lease.token, "study_id": lease.study_id, "at": DatabaseClock()}
    upsert(connection, table_of(BlobTable), [piece | own], keys=("trial_id", "kind", "token", "chunk"))


def found(connection: Connection, trial_id: int, kind: BlobKind) -> BlobRow | None:
    """The blob of a run, without its bytes."""
    here = BlobTable.trial_id == trial_id, BlobTable.kind == kind
    row = connection.execute(_whole().where(*here)).one_or_none()
    return None if row is None else BlobRow(*row)


def of_study(connection: Connection, study_id: int) -> list[BlobRow]:
    """Every blob of a study, without the bytes."""
    rows = _whole().where(CellTable.study_id == study_id).order_by(BlobTable.trial_id, BlobTable.kind)
    return [BlobRow(*row) for row in connection.execute(rows)]


def chunk_of(connection: Connection, row: BlobRow, chunk: int) -> bytes | None:
    """The bytes of one chunk; None when the blob was dropped meanwhile."""
    key = {"trial_id": row.trial_id, "kind": row.kind, "token": row.token, "chunk": chunk}
    return connection.execute(select(BlobTable.data).filter_by(**key)).scalar_one_or_none()


def is_whole(row: BlobRow, payload: bytes) -> bool:
    """Whether these are the bytes that were written."""
    return len(payload) == row.size and hashlib.sha256(payload).hexdigest() == row.sha256


def copy(connection: Connection, source: int, study_id: int, target: int, kinds: Sequence[BlobKind]) -> None:
    """The published blobs of one run, for its copy in another study."""
    kept = [column for column in table_of(BlobTable).c if column.name not in ("trial_id", "study_id")]
    token = select(CellTable.token).where(CellTable.trial_id == source).scalar_subquery()
    here = BlobTable.trial_id == source, BlobTable.token == token, BlobTable.kind.in_(kinds)
    rows = select(literal(target), literal(study_id), *kept).where(*here)
    names = ["trial_id", "study_id", *(column.name for column in kept)]
    connection.execute(insert(BlobTable).from_select(names, rows))


def drop(connection: Connection, trial_ids: Sequence[int], kind: BlobKind) -> None:
    """Delete one kind of blob of these runs."""
    connection.execute(delete(BlobTable).where(BlobTable.trial_id.in_(trial_ids), BlobTable.kind == kind))


def forget_earlier(connection: Connection, lease: Lease) -> None:
    """Drop what earlier attempts at a run have left of their blobs."""
    if lease.token > 1:
        earlier = BlobTable.trial_id == lease.trial_id, BlobTable.token != lease.token
        connection.execute(delete(BlobTable).where(*earlier))


def forget(connection: Connection, trial_ids: Any) -> None:
    """Drop all blobs of trials (ids or a subquery)."""
    connection.execute(delete(BlobTable).where(BlobTable.trial_id.in_(trial_ids)))


def _whole() -> Any:
    of_blob = BlobTable.trial_id, BlobTable.kind, BlobTable.token, BlobTable.size, BlobTable.sha256, BlobTable.chunks
    mine = (CellTable.trial_id == BlobTable.trial_id) & (CellTable.token == BlobTable.token)
    rows = select(*of_blob, func.max(BlobTable.at)).join(CellTable, mine).where(CellTable.state == "COMPLETE")
    return rows.group_by(*of_blob).having(func.count() == BlobTable.chunks)

"""A blob is seen whole, of the attempt that ended the run, on every server; or it is not there."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from storage import blobs
from storage.blobs import CHUNK_BYTES, Blob, BlobTable
from storage.errors import BlobDamaged, LeaseLost
from storage.store import Store
from tests.storage.small import TTL, claim_soon, drawing, lease_of, lose, manifest, open_study, result

SMALL = Blob("validation", b"probabilities")
LARGE = Blob("weights", os.urandom(2 * CHUNK_BYTES + 5))


def rows_in(store: Store) -> int:
    return store._database.read(lambda c: c.execute(select(func.count()).select_from(BlobTable)).scalar_one())


def test_what_is_kept_with_a_run_reads_back_on_any_server_once_the_run_has_ended(database_url: str) -> None:
    store, other = Store.connect(database_url), Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.put_blob(lease, LARGE)
    assert (other.blob(lease.trial_id, "weights"), other.blobs(study_id)) == (None, []), "whole, but not published"
    store.finish(lease, result(), kept=[SMALL])
    store.finish(lease, result(), kept=[SMALL])
    assert other.blob(lease.trial_id, "validation") == SMALL.payload
    assert other.blob(lease.trial_id, "weights") == LARGE.payload
    assert other.blob(lease.trial_id, "test") is None
    listed = [(row.trial_id, row.kind, row.token, row.size, row.chunks) for row in other.blobs(study_id)]
    assert listed == [(lease.trial_id, "validation", 1, 13, 1), (lease.trial_id, "weights", 1, len(LARGE.payload), 3)]
    assert other.blobs(study_id)[0].at == pytest.approx(store.now(), abs=30)
    store.drop_blobs([lease.trial_id], "weights")
    assert [row.kind for row in other.blobs(study_id)] == ["validation"]
    store.close()
    other.close()


@pytest.mark.parametrize("payload", [b"", bytes(CHUNK_BYTES), bytes(CHUNK_BYTES + 1)], ids=len)
def test_a_blob_of_any_size_is_written_with_the_end_of_the_run(sqlite_url: str, payload: bytes) -> None:
    store = Store.connect(sqlite_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.finish(lease, result(), kept=[Blob("weights", payload)])
    assert store.blob(lease.trial_id, "weights") == payload
    store.close()


def test_no_statement_carries_more_than_a_chunk() -> None:
    pieces = list(blobs.pieces(LARGE))
    assert [len(piece["data"]) for piece in pieces] == [CHUNK_BYTES, CHUNK_BYTES, 5]
    assert b"".join(piece["data"] for piece in pieces) == LARGE.payload


def test_half_a_blob_of_a_lost_worker_is_never_seen_and_goes_when_the_run_ends(database_url: str) -> None:
    zombie, heir = Store.connect(database_url, ttl=TTL), Store.connect(database_url, ttl=TTL)
    study_id = open_study(zombie)
    lease = lease_of(zombie.claim(study_id, "1-lr", "zombie", "n", drawing([0])))
    first, *_ = blobs.pieces(LARGE)
    zombie._database.write(lambda c: blobs.write(c, lease, first))
    lose(zombie, lease)
    taken = lease_of(claim_soon(heir, study_id, "1-lr", "heir"))
    assert (taken.trial_id, taken.token) == (lease.trial_id, 2)
    with pytest.raises(LeaseLost):
        zombie.put_blob(lease, LARGE)
    with pytest.raises(LeaseLost):
        zombie.finish(lease, result(), kept=[SMALL])
    assert rows_in(heir) == 1, "the zombie has written nothing more"
    heir.finish(taken, result(), kept=[replace(SMALL, payload=b"the heir's")])
    assert (heir.blob(lease.trial_id, "validation"), heir.blob(lease.trial_id, "weights")) == (b"the heir's", None)
    assert rows_in(heir) == 1
    zombie.close()
    heir.close()


@pytest.mark.parametrize("stop", ["failed", "pruned"])
def test_blobs_of_a_run_that_did_not_end_well_are_not_seen(sqlite_url: str, stop: str) -> None:
    store = Store.connect(sqlite_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.put_blob(lease, LARGE)
    store.finish(lease, result(stop))
    assert store.blob(lease.trial_id, "weights") is None
    assert rows_in(store) == (0 if stop == "failed" else 3)
    store.close()


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_a_damaged_blob_is_noticed(database_url: str, damage: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.finish(lease, result(), kept=[LARGE])
    if damage == "missing":
        store._database.write(lambda c: c.execute(delete(BlobTable).where(BlobTable.chunk == 1)))
        assert store.blob(lease.trial_id, "weights") is None
        assert store.blobs(study_id) == []
    else:
        store._database.write(lambda c: c.execute(update(BlobTable).where(BlobTable.chunk == 1).values(data=b"x")))
        with pytest.raises(BlobDamaged):
            store.blob(lease.trial_id, "weights")
    store.close()


def test_blobs_go_with_their_study_and_predictions_go_along_into_a_fork(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.finish(lease, result(), kept=[SMALL, Blob("test", b"test"), LARGE])
    fork_id = store.create("fork", manifest()).study_id
    assert store.adopt(study_id, fork_id) == 1
    assert [(row.kind, row.size) for row in store.blobs(fork_id)] == [("test", 4), ("validation", 13)]
    store.delete("lr_aug")
    (adopted, _) = store.blobs(fork_id)
    assert store.blob(adopted.trial_id, "validation") == SMALL.payload
    assert rows_in(store) == 2
    store.delete("fork")
    assert rows_in(store) == 0
    store.close()


def test_listing_a_study_reads_no_bytes(tmp_path: Path) -> None:
    """A statement that fetched them would take minutes on a slow link."""
    store = Store.connect(f"sqlite:///{(tmp_path / 'c.db').as_posix()}")
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.finish(lease, result(), kept=[LARGE])
    said: list[str] = []
    from sqlalchemy import event

    event.listen(store._database.reader, "before_cursor_execute", lambda *args: said.append(args[2]))
    store.blobs(study_id)
    assert said and not any("data" in statement.split("FROM")[0] for statement in said)
    store.close()

"""Who may take a trial over when its holder could not renew, and when the holder has vanished."""

import time

import pytest
from sqlalchemy import text

from storage.errors import StorageUnreachable
from storage.rows import Wait
from storage.store import Store
from tests.storage.small import TTL, claim_soon, drawing, lease_of, lose, open_study

FULL = {
    "sqlite": "INSERT INTO filler SELECT zeroblob(1000000)",  # of a file that may not grow
    "postgresql": "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
}


def write_to_a_full_disk(store: Store) -> None:
    backend = store._database.url.get_backend_name()

    def body(connection) -> None:
        if backend == "sqlite":
            connection.execute(text("PRAGMA max_page_count = 1"))
            connection.execute(text("CREATE TABLE filler (filling BLOB)"))
        connection.execute(text(FULL[backend]))

    with store.patient_for(0.0), pytest.raises(StorageUnreachable):
        store._database.write(body)
    if backend == "sqlite":
        store._database.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 1000000")))


def test_a_live_trial_is_not_taken_over_after_the_disk_of_the_database_was_full(database_url: str) -> None:
    store, other = Store.connect(database_url, ttl=TTL), Store.connect(database_url, ttl=TTL)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0])))
    lose(store, lease)  # it could not renew, for the disk was full
    write_to_a_full_disk(other)  # nor could the other one write
    assert isinstance(other.claim(study_id, "1-lr", "v", "n2", drawing([0])), Wait)
    store.renew(lease)
    time.sleep(TTL * 1.2)
    assert lease_of(claim_soon(other, study_id, "1-lr", "v")).token == 2, "it has had its time to come back"
    store.close()
    other.close()


def test_who_waited_in_vain_for_a_row_of_another_may_take_over_all_the_same(postgres_url: str) -> None:
    store, other = Store.connect(postgres_url), Store.connect(postgres_url)
    study_id = open_study(store)
    other._database._connected_since = time.monotonic() - 1000
    with store._database.writer.begin() as holder, other.patient_for(0.0):
        holder.execute(text("SELECT 1 FROM ceteris_budget FOR UPDATE"))
        with pytest.raises(StorageUnreachable, match="lock timeout"):
            other.claim(study_id, "1-lr", "v", "n", drawing([0]))
    assert other._database.connected_for() > 900
    store.close()
    other.close()


@pytest.mark.parametrize(("ttl", "seconds"), [(30.0, 15), (600.0, 15), (4.0, 2)])
def test_who_vanishes_within_a_transaction_loses_its_locks_before_its_lease(
    postgres_url: str, ttl: float, seconds: int
) -> None:
    store = Store.connect(postgres_url, ttl=ttl)
    asked = text("SHOW idle_in_transaction_session_timeout")
    assert store._database.read(lambda connection: connection.execute(asked).scalar_one()) == f"{seconds}s"
    store.close()

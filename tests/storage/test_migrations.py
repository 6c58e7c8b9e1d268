"""A database that an earlier ceteris left behind goes on under this one."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import inspect, update
from sqlalchemy.engine import make_url

from storage.creation import ensure_tables
from storage.errors import SchemaTooNew, StorageRefused
from storage.migrations import STEPS, can_migrate
from storage.optuna_schema import HEAD_REVISION
from storage.schema import SCHEMA_VERSION, Base, VersionTable
from storage.store import Store
from tests.storage.small import attempt, claim_soon, drawing, epoch, lease_of, open_study, result

LEFT_BEHIND = Path(__file__).parent  # version_N: dumps of real databases


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def version(request: pytest.FixtureRequest) -> int:
    """Every version of the tables that there has been."""
    return request.param


@pytest.fixture
def old_url(database_url: str, version: int) -> str:
    """A database with tables of that version: a run that ended, one given back, one whose worker died."""
    kind = make_url(database_url).get_backend_name()
    script = (LEFT_BEHIND / f"version_{version}" / f"{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        connection = sqlite3.connect(str(make_url(database_url).database))
        connection.executescript(script)
        connection.close()
    else:
        with psycopg.connect(database_url, autocommit=True) as server:
            server.execute(script)  # type: ignore[arg-type]
    return database_url


def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of every table, as any client sees it."""
    if url.startswith("sqlite"):
        connection: Any = sqlite3.connect(str(make_url(url).database))
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    else:
        connection = psycopg.connect(url)
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    try:
        tables = [name for (name,) in connection.execute(names).fetchall()]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=str) for name in tables}
    finally:
        connection.close()


def test_a_migration_keeps_every_row(old_url: str, version: int) -> None:
    before = rows_of(old_url)
    Store.connect(old_url).close()
    after = rows_of(old_url)
    ((_, reached, _),) = after.pop("ceteris_version")
    ((_, was, _),) = before.pop("ceteris_version")
    assert (was, reached) == (version, SCHEMA_VERSION)
    new = {name: after.pop(name) for name in after.keys() - before.keys()}
    assert new == {"ceteris_blob": []} | ({"ceteris_attempt": []} if version == 1 else {})
    assert after == before
    assert sum(map(len, before.values())) > 50, "the dump holds something that could be lost"


def test_a_migrated_study_goes_on_where_it_stood(old_url: str, version: int) -> None:
    store = Store.connect(old_url, ttl=0.5)
    manifest = store.manifest("lr_aug")
    assert manifest is not None
    study_id = manifest.study_id
    assert [run.state for run in store.runs(study_id, "1-lr")] == ["COMPLETE", "WAITING", "RUNNING"]
    told = {row.trial_id: row.images for row in store.attempts(study_id)}
    assert told == ({} if version == 1 else {1: 200, 2: 50, 3: 70})
    numbers = set()
    for _ in range(3):
        lease = lease_of(claim_soon(store, study_id, "1-lr", "w", drawing([0, 1, 2, 3])))
        numbers.add((lease.number, lease.token))
        store.report(lease, [epoch(3)], attempt=attempt(100))
        store.finish(lease, result(epochs=3), attempt=attempt(200))
    assert numbers == {(1, 2), (2, 2), (3, 1)}, "the waiting one, the orphan, and a new one"
    new = [row for row in store.attempts(study_id) if row.worker == "w"]
    assert [row.images for row in new] == [200, 200, 200]
    store.delete("lr_aug")
    assert store.studies() == []
    store.close()


def shape_of(url: str) -> dict[str, Any]:
    """Columns, keys and indexes of our tables, in whatever order and under whatever name."""
    store = Store.connect(url)
    try:
        return store._database.read(lambda connection: _shape(inspect(connection)))
    finally:
        store.close()


def _shape(found: Any) -> dict[str, Any]:
    return {
        name: {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(name)},
            "primary": found.get_pk_constraint(name)["constrained_columns"],
            "foreign": sorted(
                (key["constrained_columns"], key["referred_table"]) for key in found.get_foreign_keys(name)
            ),
            "unique": sorted(key["column_names"] for key in found.get_unique_constraints(name)),
            "indexes": sorted((key["column_names"], key["unique"]) for key in found.get_indexes(name)),
        }
        for name in Base.metadata.tables
    }


def test_migrated_tables_are_those_of_a_new_database(old_url: str, request: pytest.FixtureRequest) -> None:
    migrated = shape_of(old_url)
    if old_url.startswith("sqlite"):
        Path(str(make_url(old_url).database)).unlink()
    else:
        with psycopg.connect(old_url, autocommit=True) as server:
            server.execute("DROP SCHEMA public CASCADE")
            server.execute("CREATE SCHEMA public")
    assert migrated == shape_of(old_url)
    assert {"ceteris_attempt", "ceteris_blob"} <= migrated.keys()


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1], indirect=True)
def test_many_that_meet_an_old_database_at_once_migrate_it_once(old_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store.connect(old_url), range(8)))
    assert {store.studies()[0].name for store in stores} == {"lr_aug"}
    for store in stores:
        store.close()


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1], indirect=True)
def test_whoever_comes_second_to_a_migration_changes_nothing(
    old_url: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.connect(old_url)
    study_id = open_study(store, "new")
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.finish(lease, result(), attempt=attempt(100))
    has_read(version, store, monkeypatch)
    ensure_tables(store._database)
    assert len(store.attempts(study_id)) == 1
    store.close()


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1], indirect=True)
def test_whoever_comes_second_to_a_newer_ceteris_is_refused_and_changes_nothing(
    old_url: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.connect(old_url)
    store._database.write(lambda connection: connection.execute(update(VersionTable).values(schema_version=99)))
    has_read(version, store, monkeypatch)
    with pytest.raises(SchemaTooNew, match="version 99"):
        ensure_tables(store._database)
    assert stored_version(old_url) == 99
    store.close()


def has_read(version: int, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next read is one from before somebody else migrated."""
    versions, read = [(version, HEAD_REVISION)], store._database.read
    monkeypatch.setattr(store._database, "read", lambda body: versions.pop() if versions else read(body))


def test_every_version_since_the_first_can_be_migrated_and_no_other() -> None:
    assert [can_migrate(version) for version in range(1, SCHEMA_VERSION)] == [True] * (SCHEMA_VERSION - 1)
    assert not any(can_migrate(version) for version in (-1, 0, SCHEMA_VERSION, SCHEMA_VERSION + 1))
    assert list(STEPS) == list(range(1, SCHEMA_VERSION))


def stored_version(url: str) -> int:
    ((_, version, _),) = rows_of(url)["ceteris_version"]
    return version


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1], indirect=True)
def test_an_old_database_with_another_optunas_tables_is_refused_and_left_as_it_was(old_url: str, version: int) -> None:
    if old_url.startswith("sqlite"):
        with sqlite3.connect(str(make_url(old_url).database)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = 'v9'")
        connection.close()
    else:
        with psycopg.connect(old_url) as server:
            server.execute("UPDATE alembic_version SET version_num = 'v9'")
    with pytest.raises(SchemaTooNew, match="Optuna tables of revision v9"):
        Store.connect(old_url)
    assert stored_version(old_url) == version
    assert "ceteris_blob" not in rows_of(old_url)


def test_an_old_file_in_use_on_another_host_is_refused_and_left_as_it_was(sqlite_url: str, version: int) -> None:
    file = str(make_url(sqlite_url).database)
    connection = sqlite3.connect(file)
    connection.executescript((LEFT_BEHIND / f"version_{version}" / "sqlite.sql").read_text(encoding="utf-8"))
    connection.execute("UPDATE ceteris_lease SET expires_at = 1e11")
    connection.commit()
    connection.close()
    with pytest.raises(StorageRefused, match="host elsewhere"):
        Store.connect(sqlite_url)
    assert stored_version(sqlite_url) == version

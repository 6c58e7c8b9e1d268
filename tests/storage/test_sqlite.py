"""What only SQLite needs: its modes, one host, no network."""

from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from storage import urls
from storage.errors import SchemaTooNew, StorageRefused
from storage.host import host_identity, same_host
from storage.schema import SCHEMA_VERSION, VersionTable
from storage.store import Store
from storage.urls import default_sqlite_url, network_file_system
from tests.storage.small import drawing, lease_of, open_study


def test_a_commit_is_durable_and_readers_do_not_block(sqlite_url: str) -> None:
    store = Store.connect(sqlite_url)
    pragmas = {
        name: store._database.write(lambda connection, name=name: connection.execute(text(f"PRAGMA {name}")).scalar())
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}
    store.close()


def test_a_reader_cannot_write(sqlite_url: str) -> None:
    store = Store.connect(sqlite_url)
    with pytest.raises(OperationalError, match="readonly"):
        store._database.read(lambda connection: connection.execute(text("DELETE FROM ceteris_manifest")))
    store.close()


def move_to_another_host(store: Store) -> None:
    store._database.write(lambda connection: connection.execute(update(VersionTable).values(host="elsewhere 1234")))


def test_a_second_host_is_refused_while_the_first_is_at_work(sqlite_url: str) -> None:
    store = Store.connect(sqlite_url)
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    move_to_another_host(store)
    with pytest.raises(StorageRefused, match=r"host elsewhere.*postgresql://"):
        Store.connect(sqlite_url)
    store.release(lease)
    store.register_worker(study_id, "w", "elsewhere", 1, "cpu", {})
    with pytest.raises(StorageRefused, match="host elsewhere"):
        Store.connect(sqlite_url)
    store.leave("w")
    Store.connect(sqlite_url).close()  # nobody works there any more: renamed, or moved here
    Store.connect(sqlite_url).close()
    store.close()


def test_a_container_of_the_same_host_is_the_same_host() -> None:
    assert same_host("a 1", "b 1") and same_host("a 1", "a 2") and same_host("a", "a")
    assert not same_host("a 1", "b 2") and not same_host("a", "b")
    assert same_host(host_identity(), host_identity())


def test_tables_of_another_version_are_refused(database_url: str) -> None:
    store = Store.connect(database_url)
    store._database.write(lambda connection: connection.execute(update(VersionTable).values(schema_version=99)))
    with pytest.raises(SchemaTooNew, match="version 99"):
        Store.connect(database_url)
    store._database.write(
        lambda connection: connection.execute(update(VersionTable).values(schema_version=SCHEMA_VERSION))
    )
    store._database.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num='v9'")))
    with pytest.raises(SchemaTooNew, match="Optuna tables of revision v9"):
        Store.connect(database_url)
    store.close()


def test_a_network_file_system_is_refused_and_the_default_file_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not a mock of our code: the list of types is made to contain that of this very folder.
    assert network_file_system(tmp_path) is None
    assert default_sqlite_url(tmp_path) == urls.sqlite_url(tmp_path / "ceteris.db")
    kinds = {line.split()[2] for line in _mounts()}
    if not kinds:
        pytest.skip("no /proc/mounts here")
    monkeypatch.setattr(urls, "_NETWORK_FILE_SYSTEMS", kinds)
    assert network_file_system(tmp_path / "not" / "yet") in kinds
    with pytest.raises(StorageRefused, match="network file system"):
        Store.connect(urls.sqlite_url(tmp_path / "ceteris.db"))
    moved = default_sqlite_url(tmp_path)
    assert moved != urls.sqlite_url(tmp_path / "ceteris.db") and moved == default_sqlite_url(tmp_path)


def _mounts() -> list[str]:
    mounts = Path("/proc/mounts")
    return mounts.read_text(encoding="utf-8", errors="replace").splitlines() if mounts.exists() else []


def test_a_path_of_any_script_with_spaces_and_signs_works(tmp_path: Path) -> None:
    folder = tmp_path / "내 사진 #1 100% {x}?"
    store = Store.connect(urls.sqlite_url(folder / "ceteris.db"))
    open_study(store)
    assert (folder / "ceteris.db").exists()
    store.close()

"""First contact, outages, and secrets."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from benchmarks.chaos.cable import Cable
from storage.errors import StorageError, StorageRefused, StorageUnreachable
from storage.store import Store
from tests.storage.small import drawing, epoch, lease_of, open_study, result

SECRET = "s3cret-p@ss"


def refused(url: str, **options: float) -> tuple[str, float]:
    started = time.monotonic()
    with pytest.raises(StorageError) as caught:
        Store.connect(url, **options)
    message = str(caught.value)
    assert "\n" not in message and SECRET not in message and "s3cret-p%40ss" not in message
    return message, time.monotonic() - started


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts connections and never says a word, as one that is stopped or behind a bad firewall."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


def test_a_dead_server_is_one_line_within_ten_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    message, seconds = refused(f"postgresql://me:s3cret-p%40ss@127.0.0.1:{port}/ceteris")
    assert seconds < 10 and f"127.0.0.1:{port}" in message and "***" in message


def test_a_silent_server_is_one_line_within_ten_seconds(silent_port: int) -> None:
    message, seconds = refused(f"postgres://me:s3cret-p%40ss@127.0.0.1:{silent_port}/ceteris")
    assert seconds < 10 and "cannot use" in message


def test_waiting_for_a_database_tries_again_until_the_time_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _, seconds = refused(f"postgresql://me:s3cret-p%40ss@127.0.0.1:{port}/ceteris", wait=1.5)
    assert 1.4 < seconds < 10


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://me:s3cret-p%40ss@h/d",
        "postgresql+asyncpg://me:s3cret-p%40ss@h/d",
        "postgresql://me:s3cret-p%40ss@h:port/d",
    ],
)
def test_another_url_is_refused_with_one_that_would_work(url: str) -> None:
    message, _ = refused(url)
    assert "sqlite:///" in message


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    message, _ = refused(f"sqlite:///{(tmp_path / 'file' / 'folder' / 'ceteris.db').as_posix()}")
    assert "cannot make the folder" in message


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "photo.db").write_bytes(b"not a database at all" * 100)
    message, _ = refused(f"sqlite:///{(tmp_path / 'photo.db').as_posix()}")
    assert "not a database" in message


def test_a_password_is_never_shown(database_url: str) -> None:
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(password=SECRET)  # trusted anyway
    store = Store.connect(url.render_as_string(hide_password=False))
    assert SECRET not in repr(store) + store.url_without_secret + repr(vars(store)) + repr(store._database.writer)
    store.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_all_spellings_of_postgresql_are_accepted(postgres_url: str, scheme: str) -> None:
    store = Store.connect(postgres_url.replace("postgresql", scheme, 1))
    assert store.studies() == []
    store.close()


def test_a_connection_cut_in_the_middle_of_a_transaction_is_made_again(postgres_url: str) -> None:
    store = Store.connect(postgres_url)
    open_study(store)
    store._database._connected_since = time.monotonic() - 1000
    tries = []

    def body(connection) -> int:
        tries.append(connection.execute(text("SELECT count(*) FROM ceteris_manifest")).scalar_one())
        if len(tries) == 1:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return tries[-1]

    assert store._database.write(body) == 1
    assert len(tries) == 2
    assert store._database.connected_for() < 1.0  # it must wait one TTL again before it takes anything over
    store.close()


def test_a_message_of_the_driver_is_shown_without_the_password(postgres_url: str) -> None:
    store = Store.connect(make_url(postgres_url).set(password=SECRET).render_as_string(hide_password=False))
    with pytest.raises(DBAPIError) as caught:
        store._database.read(lambda connection: connection.execute(text(f"SELECT CAST('{SECRET}' AS integer)")))
    assert SECRET in str(caught.value.orig)
    assert SECRET not in store._database.reason(caught.value)
    store.close()


def test_a_bug_is_not_retried(database_url: str) -> None:
    store = Store.connect(database_url)
    started = time.monotonic()
    with pytest.raises(Exception, match="no_such_table") as caught:
        store._database.write(lambda connection: connection.execute(text("SELECT * FROM no_such_table")))
    assert time.monotonic() - started < 2 and not isinstance(caught.value, StorageError)
    if database_url.startswith("postgresql"):
        assert isinstance(caught.value, ProgrammingError)
    store.close()


@pytest.fixture
def cable(postgres_url: str) -> Iterator[Cable]:
    url = make_url(postgres_url)
    folder = url.query.get("host")
    reached = str(Path(folder, ".s.PGSQL.5432")) if isinstance(folder, str) else (url.host or "", url.port or 5432)
    cable = Cable(reached, "127.0.0.1")
    yield cable
    cable.close()


def test_an_outage_is_waited_out_and_nothing_is_lost(postgres_url: str, cable: Cable) -> None:
    url = make_url(postgres_url).set(host=cable.host, port=cable.port, query={})
    store = Store.connect(url.render_as_string(hide_password=False))
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.report(lease, [epoch(1)])
    cable.unplug()
    with store.patient_for(0.0), pytest.raises(StorageUnreachable, match="does not answer"):
        store.report(lease, [epoch(2)])
    threading.Timer(1.0, cable.mend).start()
    started = time.monotonic()
    store.report(lease, [epoch(2)])
    assert 0.5 < time.monotonic() - started < 10
    store.finish(lease, result())
    assert [row.epoch for row in store.curves(study_id, "1-lr")[0]] == [1, 2]
    store.close()


def test_a_server_that_holds_the_line_and_says_nothing_is_given_up(postgres_url: str, cable: Cable) -> None:
    url = make_url(postgres_url).set(host=cable.host, port=cable.port, query={})
    store = Store.connect(url.render_as_string(hide_password=False))
    store._database.deadline.seconds = 0.5
    cable.cut()
    started = time.monotonic()
    with store.patient_for(0.0), pytest.raises(StorageUnreachable):
        store.studies()
    assert time.monotonic() - started < 8
    cable.mend()
    assert store.studies() == []
    store.close()


def test_closing_ends_a_call_that_waits_for_the_database(postgres_url: str, cable: Cable) -> None:
    url = make_url(postgres_url).set(host=cable.host, port=cable.port, query={})
    store = Store.connect(url.render_as_string(hide_password=False))
    cable.unplug()
    threading.Timer(0.5, store.close).start()
    started = time.monotonic()
    with pytest.raises(StorageUnreachable, match="closed"):
        store.studies()
    assert time.monotonic() - started < 10


def test_refusals_are_storage_errors() -> None:
    with pytest.raises(StorageRefused):
        Store.connect("oracle://h/d")

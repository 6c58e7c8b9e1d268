"""`python -m storage.serve`: a PostgreSQL of one's own, with passwords, backups and a clean end."""

import os
import socket
import stat
from pathlib import Path

import psycopg
import pytest

from storage.cluster_settings import is_loopback
from storage.store import Store
from tests.storage.served import Served, serve
from tests.storage.small import drawing, epoch, lease_of, open_study, result


def one_line(done) -> str:
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_the_url_that_is_printed_works_and_names_no_password(served: Served) -> None:
    (line,) = [line for line in served.said.splitlines() if line.startswith("here")]
    url = line.split('"')[1]
    assert url == served.file_url()
    assert served.password() not in served.said
    store = Store.connect(url)
    assert store.studies() == []
    store.close()


@pytest.mark.parametrize("role", ["ceteris", "ceteris_reader", "postgres"])
def test_nobody_comes_in_without_the_password_not_even_from_this_machine(served: Served, role: str) -> None:
    database = "postgres" if role == "postgres" else "ceteris"
    where = f"host=127.0.0.1 port={served.port} user={role} dbname={database} passfile={os.devnull}"
    for words in ("", " password=guessed"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(where + words)
    assert served.ask("SELECT 1", role, database) == [(1,)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_what_holds_a_password_is_readable_to_one_alone(served: Served) -> None:
    for file in (*served.folder.glob("*.pgpass"), served.folder / "data"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert len(list(served.folder.glob("*.pgpass"))) == 3
    hashed = served.ask("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'ceteris%'", "postgres", "postgres")
    assert [text.startswith("SCRAM-SHA-256$") for (text,) in hashed] == [True, True]


def test_it_is_set_up_for_a_fleet(served: Served) -> None:
    told = dict(served.ask("SELECT name, setting FROM pg_settings"))
    assert int(told["max_connections"]) >= 150
    assert (told["server_encoding"], told["lc_messages"], told["listen_addresses"]) == ("UTF8", "C", "127.0.0.1")
    assert (told["data_checksums"], told["fsync"], told["synchronous_commit"]) == ("on", "on", "on")
    assert served.ask("SELECT datcollate FROM pg_database WHERE datname = 'ceteris'") == [("C",)]
    assert served.ask("SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'ceteris'") == [
        (False,)
    ]


def test_the_reading_role_sees_tables_that_are_made_later_and_writes_nothing(served: Served) -> None:
    served.ask("CREATE TABLE IF NOT EXISTS made_later AS SELECT 7 AS seven")
    assert served.ask("SELECT seven FROM made_later", "ceteris_reader") == [(7,)]
    for words in ("INSERT INTO made_later VALUES (8)", "CREATE TABLE mine ()", "DROP TABLE made_later"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            served.ask(words, "ceteris_reader")


def test_stopped_and_started_it_has_the_same_data_and_a_backup_brings_them_into_a_new_folder(served: Served) -> None:
    served.ask("DROP TABLE IF EXISTS made_later")
    store = Store.connect(served.file_url())
    study_id = open_study(store, "kept")
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    store.finish(lease, result(), [epoch(1)])
    rows = store.runs(study_id)
    password = served.password()

    file = served.folder.parent / "backup.dump"
    done = serve("--folder", str(served.folder), "--backup", str(file))  # while it runs
    assert (done.returncode, done.stderr) == (0, ""), done
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600

    assert served.stop() == 0
    assert "nothing is lost" in served.said
    assert served.cluster.running() is None
    served.start()
    assert served.password() == password
    assert store.runs(study_id) == rows  # and the store has found its way back
    store.close()

    again = Served(served.folder.with_name("again"))
    done = serve("--folder", str(again.folder), "--restore", str(file))
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "already" in one_line(serve("--folder", str(again.folder), "--restore", str(file)))
    try:
        for role in ("ceteris", "ceteris_reader"):
            store = Store.connect(again.start().file_url(role))
            assert store.runs(study_id) == rows
            store.close()
            again.stop()
    finally:
        serve("--folder", str(again.folder), "--stop")


def test_a_server_that_was_killed_starts_again_also_when_its_number_is_another_processs(served: Served) -> None:
    served.stop()
    mark = served.folder / "data" / "postmaster.pid"
    mark.write_text(f"{os.getpid()}\n{served.folder / 'data'}\n1\n{served.port}\n\n127.0.0.1\n", encoding="utf-8")
    assert served.cluster.running() is None
    served.start()


def test_a_second_server_of_a_folder_and_a_port_in_use_are_one_line_each(served: Served, tmp_path: Path) -> None:
    line = one_line(serve("--folder", str(served.folder), "--port", str(served.port)))
    assert "is served already" in line and "--stop" in line
    other = served.folder.with_name("other")
    assert "another --port" in one_line(serve("--folder", str(other), "--port", str(served.port)))


def test_a_folder_of_another_version_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("11\n", encoding="ascii")
    line = one_line(serve("--folder", str(tmp_path)))
    assert "PostgreSQL 11" in line and "16" in line and "--restore" in line


def test_other_machines_are_let_in_only_when_it_is_said() -> None:
    line = one_line(serve("--folder", "unused", "--listen", "0.0.0.0"))
    assert "not encrypted" in line and "--open" in line and "--via" in line
    assert not Path("unused").exists()
    assert [is_loopback(each) for each in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1", "db")] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_a_server_that_ends_by_itself_is_told(served: Served) -> None:
    assert served.process is not None
    serve("--folder", str(served.folder), "--stop")
    assert served.process.wait(60) == 2
    assert "PostgreSQL has ended" in served.said
    served.start()


def test_a_port_that_is_taken_by_anything_is_named(tmp_path: Path) -> None:
    from storage.cluster import _check_free
    from storage.errors import StorageRefused

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StorageRefused, match="--port"):
        _check_free("127.0.0.1", taken.getsockname()[1])

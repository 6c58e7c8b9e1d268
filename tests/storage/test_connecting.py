"""Where the password comes from, what a refusal says, what nobody gets to see, and PgBouncer in between."""

import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from search.surroundings import without_password
from storage import connecting
from storage.errors import StorageError, StorageRefused
from storage.store import Store
from storage.urls import parse_url, without_secret
from tests.storage.served import ROOT, Served, clean_environment, free_port
from tests.storage.small import drawing, epoch, lease_of, manifest, open_study, result

SECRET = "s3cret-w0rd"
VARIABLES = ("PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "CETERIS_STORAGE_PASSWORD_FILE")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def works(url: str) -> None:
    store = Store.connect(url)
    store.studies()
    store.close()


def test_the_password_comes_from_wherever_people_keep_it(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password, secret, service = served.password(), tmp_path / "secret", tmp_path / "service"
    secret.write_text(f"{password}\n", encoding="utf-8")
    service.write_text(f"[team]\nhost=127.0.0.1\nport={served.port}\ndbname=ceteris\nuser=ceteris\n", encoding="utf-8")
    pgpass = str(served.cluster.password_file("ceteris"))
    works(served.file_url())
    works(served.url(password=password))
    works(served.url().replace("ceteris@", f"ceteris:{password}@"))
    for name, value, url in (
        ("PGPASSWORD", password, served.url()),
        ("PGPASSFILE", pgpass, served.url()),
        ("CETERIS_STORAGE_PASSWORD_FILE", str(secret), served.url()),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            works(url)
            if name == "PGPASSFILE":
                patch.setenv("PGSERVICEFILE", str(service))
                works("postgresql:///?service=team")
                patch.setenv("PGSERVICE", "team")
                works("postgresql://")


def refused(url: str) -> str:
    """The one line, with no password in it nor in the traceback, and at once."""
    began = time.monotonic()
    try:
        Store.connect(url, wait=60.0)
    except StorageRefused as error:
        told = "".join(traceback.format_exception(error))
        assert SECRET not in told and "\n" not in str(error)
        assert time.monotonic() - began < 30
        return str(error)
    raise AssertionError(f"{url} was not refused")


def test_what_no_waiting_mends_is_one_clear_line_at_once(served: Served, tmp_path: Path) -> None:
    plain = served.file_url()
    assert "does not accept the password for ceteris" in refused(served.url(password=SECRET))
    assert "wants a password for ceteris" in refused(served.url())
    assert "there is no password file" in refused(served.url(passfile="nowhere"))
    assert "does not let ceteris into that database" in refused(plain.replace("/ceteris?", "/other?"))
    assert "no TLS connection" in refused(f"{plain}&sslmode=require")
    assert "no TLS connection" in refused(f"{plain}&sslmode=verify-full&sslrootcert={tmp_path}/none.crt")
    assert "invalid connection option" in refused(f"{plain}&colour=red")
    assert "PGSERVICE" in refused("postgresql:///?service=nowhere")
    for name, words in (("postgres", "there is no database 'other'"),):
        url = served.cluster.url(name, "127.0.0.1", served.port).replace("/ceteris?", "/other?")
        assert words in refused(url)
    if os.name != "nt":
        loose = tmp_path / "loose.pgpass"
        loose.write_text(f"*:*:*:ceteris:{SECRET}\n", encoding="utf-8")
        loose.chmod(0o644)
        assert f"chmod 600 {loose}" in refused(served.url(passfile=str(loose)))


def test_an_unreadable_or_empty_secret_file_is_one_line(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CETERIS_STORAGE_PASSWORD_FILE", str(tmp_path / "none"))
    assert "cannot be read" in refused(served.url())
    (tmp_path / "none").write_text("\n", encoding="utf-8")
    assert "is empty" in refused(served.url())


def test_a_server_that_is_too_old_is_one_line(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "OLDEST", 99)
    assert "is PostgreSQL 16; ceteris needs 99 or newer" in refused(served.file_url())


def test_a_role_that_only_reads_can_look_and_is_told_when_it_would_write(served: Served) -> None:
    owner = Store.connect(served.file_url())
    open_study(owner, "looked_at")
    for url in (served.file_url("ceteris_reader"), f"{served.file_url()}&options=-cdefault_transaction_read_only%3Don"):
        store = Store.connect(url)
        assert "looked_at" in [study.name for study in store.studies()]
        began = time.monotonic()
        with pytest.raises(StorageRefused, match="use a role that may"):
            store.create("mine", manifest())
        assert time.monotonic() - began < 30
        store.close()
    owner.delete("looked_at")
    owner.close()


def test_a_password_is_shown_by_nothing_that_holds_it(served: Served) -> None:
    url = served.url(password=served.password(), sslpassword=SECRET)
    store = Store.connect(url)
    engine = store._database.writer
    shown = (repr(store), store.url_without_secret, repr(vars(store._database)), repr(engine), repr(engine.url))
    assert not [each for each in shown if served.password() in each]
    assert SECRET not in store.url_without_secret
    for each in (store, store._database, engine):
        with pytest.raises(Exception) as caught:  # nothing that holds a connection can be pickled
            pickle.dumps(each)
        assert served.password() not in str(caught.value)
    store.close()
    assert without_secret(parse_url("postgresql://u:pw@h/d?passfile=/a/b")) == "postgresql://u:***@h/d?passfile=/a/b"


def test_a_process_list_shows_no_password(tmp_path: Path) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/ceteris"
    line = ["--study", "lr_aug", "--trust-code", "--wait-for-db", "60", "--storage", url]
    process = subprocess.Popen(
        [sys.executable, "-m", "search.launch", *line],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        watched, end = psutil.Process(process.pid), time.monotonic() + 60
        # For a moment it is still what started it, and then has not begun yet.
        while SECRET in " ".join(watched.cmdline()) or "CETERIS_STORAGE" not in watched.environ():
            assert sys.platform != "linux" or time.monotonic() < end
            if sys.platform != "linux":
                pytest.skip("the command line is taken out of the process list on Linux only")
            time.sleep(0.02)
        assert watched.environ()["CETERIS_STORAGE"] == url  # which only oneself can see
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_url_without_a_password_stays_on_the_command_line() -> None:
    for line in (["--storage", "postgresql://me@h/d?passfile=/p"], ["--storage=sqlite:///a@b.db"], ["--storage"]):
        assert without_password(["-m", "search.launch", *line, "--quiet"])[1] == {}
    assert without_password(["--storage", "sqlite:///x.db", "-q"])[0] == ["--storage", "sqlite:///x.db", "-q"]
    for url in ("postgresql://me:pw@h/d", "postgresql://me@h/d?password=pw"):
        for line in (["--storage", url], [f"--storage={url}"]):
            assert without_password(["-m", "x", *line, "--quiet"]) == (["-m", "x", "--quiet"], {"CETERIS_STORAGE": url})


@pytest.fixture(params=[False, True], ids=["refuses", "ignores"])
def pooled(served: Served, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a PgBouncer in transaction mode that refuses, or drops, what a client wants set for a session."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine (Debian: apt install pgbouncer)")
    port, folder = free_port(), served.folder.with_name(f"pooler-{request.param}")
    folder.mkdir(exist_ok=True)
    question = "SELECT rolpassword FROM pg_authid WHERE rolname = 'ceteris'"
    ((verifier,),) = served.ask(question, "postgres", "postgres")
    (folder / "userlist.txt").write_text(f'"ceteris" "{verifier}"\n', encoding="utf-8")
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\nceteris = host=127.0.0.1 port={served.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder}/userlist.txt\n"
        f"pool_mode = transaction\ndefault_pool_size = 1\n"
        f"{'ignore_startup_parameters = options' if request.param else ''}\n",
        encoding="utf-8",
    )
    account = served.cluster.programs.account
    as_other = {} if account is None else {"user": account.uid, "group": account.gid}
    with (tmp_path / "pgbouncer.log").open("w") as log:
        words = [program, str(folder / "pgbouncer.ini")]
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, **as_other)  # type: ignore[call-overload]
    try:
        yield served.file_url().replace(f":{served.port}/", f":{port}/")
    finally:
        process.terminate()
        process.wait()


def test_a_study_goes_through_pgbouncer_in_transaction_mode_with_every_time_limit(pooled: str) -> None:
    stores = [Store.connect(pooled, wait=30.0) for _ in range(3)]  # three workers, one connection of the server
    study_id = open_study(stores[0], f"pooled-{pooled[-40:].count('/')}-{time.monotonic_ns()}", allowed=3)
    for number, store in enumerate(stores):
        asked = text("SELECT current_setting('lock_timeout'), current_setting('TimeZone')")
        assert store._database.read(lambda connection: connection.execute(asked).one()) == ("3s", "UTC")  # noqa: B023
        lease = lease_of(store.claim(study_id, "1-lr", f"w{number}", f"n{number}", drawing(range(3))))
        store.report(lease, [epoch(1)])
        store.finish(lease, result(), [epoch(2)])
    assert [row.state for row in stores[0].runs(study_id)] == ["COMPLETE"] * 3
    for store in stores:
        store.close()


def test_the_pool_of_the_containers_lets_many_in_on_few_connections(served: Served, tmp_path: Path) -> None:
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine (Debian: apt install pgbouncer)")
    port, folder = free_port(), served.folder.with_name("container-pool")
    folder.mkdir(exist_ok=True)
    (folder / "password").write_text(served.password() + "\n", encoding="utf-8")
    account = served.cluster.programs.account
    as_other = {} if account is None else {"user": account.uid, "group": account.gid}
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    env = {"DB_HOST": "127.0.0.1", "DB_PORT": str(served.port), "DB_PASSWORD_FILE": str(folder / "password")}
    env |= {"POOL_FOLDER": str(folder / "run"), "POOL_LISTEN": "127.0.0.1", "POOL_PORT": str(port), "POOL_SIZE": "2"}
    env["PATH"] = f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}"
    script = ROOT / "storage" / "containers" / "pool.sh"
    with (tmp_path / "pool.log").open("w") as log:
        process = subprocess.Popen(["sh", str(script)], env=env, stdout=log, stderr=log, **as_other)  # type: ignore[call-overload]
    try:
        stores = [Store.connect(served.file_url().replace(f":{served.port}/", f":{port}/"), wait=60.0)]
        stores += [Store.connect(served.file_url().replace(f":{served.port}/", f":{port}/")) for _ in range(7)]
        asked = text("SELECT pg_backend_pid()")
        servers = {store._database.read(lambda connection: connection.execute(asked).scalar()) for store in stores}
        assert len(servers) <= 2
        for store in stores:
            store.close()
    finally:
        process.terminate()
        process.wait(60)


def test_refusals_are_storage_errors() -> None:
    assert issubclass(StorageRefused, StorageError)


def test_a_new_file_that_somebody_else_is_just_writing_is_waited_for(tmp_path: Path) -> None:
    """SQLite does not wait for it: to make the file a WAL it would have to wait with a lock of its own in hand."""
    file = tmp_path / "ceteris.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO theirs VALUES (1)")
        timer = threading.Timer(0.5, lambda: other.execute("COMMIT"))
        timer.start()
        Store.connect(f"sqlite:///{file.as_posix()}").close()
        timer.join()

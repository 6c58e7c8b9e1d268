"""The dashboard can be looked at and nothing else: by whoever may, under its own name."""

import io
import json
import re
import signal
import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from search import dashboard
from search.artifacts import Artifacts
from search.gate import Gate
from search.login import TRIES, Guesses, Secrets, Sessions, hashed
from search.web_server import Place, gate_of
from storage.store import Store
from storage.urls import parse_url
from tests.search.browsers import chromium
from tests.search.commands import invoke, start_command, wait_until
from tests.search.looked_at import FOREIGN, HOSTILE, Client, dump, study_to_look_at

PASSWORD = "correct horse battery"
TOKEN = "0123456789abcdef0123456789"
CHANGING = ("POST", "PUT", "DELETE", "PATCH")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite file with the small study in it: of this module, for no test may change it."""
    folder = tmp_path_factory.mktemp("looked-at")
    url = f"sqlite:///{(folder / 'ceteris.db').as_posix()}"
    study_to_look_at(url, folder)
    return url


def gate(url: str, write: bool = False, secrets: Secrets | None = None, host: str = "127.0.0.1") -> Gate:
    return gate_of(Place(host, 8080, (), write, secrets or Secrets()), Store.read_only(url), url, "digits")


@pytest.fixture
def looking(url: str) -> Client:
    return Client(gate(url))


def routes(of: Gate) -> Iterator[tuple[str, str]]:
    """Every method and path that Optuna's dashboard answers, with ids that are there."""
    app = of.dashboard
    for route in app.routes:  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
        path = re.sub(r"<study_id:int>|<trial_id:int>", "1", route.rule)
        path = path.replace("<re:(/.*)?>", "/studies/1").replace("<filename:path>", "bundle.js")
        path = path.replace("<plot_type>", "timeline").replace("<history_id>", "1")
        yield route.method, re.sub(r"<artifact_id:.*?>", "1-1-1", re.sub(r"<:re:.*>", "/studies/1", path))


@pytest.fixture(params=["sqlite", "postgres"])
def either_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The small study in a database of each kind."""
    if request.param == "sqlite":
        return request.getfixturevalue("url")
    postgres = request.getfixturevalue("postgres_url")
    study_to_look_at(postgres, tmp_path)
    return postgres


def test_whatever_would_change_something_is_refused_and_changes_nothing(either_url: str) -> None:
    before, closed = dump(either_url), gate(either_url)
    body = json.dumps({"study_name": "x", "directions": ["minimize"], "version": 99, "body": "x", "state": "fail"})
    tried = [(method, path) for method, path in routes(closed) if method != "GET"]
    assert len(tried) > 10
    for method, path in tried:
        assert Client(closed)(path, method, body.encode()).status == 403, path
        # Were there a hole in the gate, the database itself would refuse.
        assert Client(closed.dashboard)(path, method, body.encode()).status >= 300, path
    for method in CHANGING:
        assert Client(closed)("/ceteris/", method).status == 403
    assert dump(either_url) == before


def test_looking_at_everything_changes_nothing(url: str, looking: Client) -> None:
    before = dump(url)
    for method, path in routes(gate(url)):
        if method == "GET" and "/plot/" not in path:  # those need plotly, which draws in the browser here
            assert looking(path).status in (200, 302, 303, 404), path
    for path in ("/ceteris/", "/ceteris/lr_aug", "/api/studies", "/api/studies/1", "/csv/1"):
        assert looking(path).status == 200
    assert dump(url) == before


def test_with_write_a_note_can_be_edited_and_a_study_still_not_be_broken(url: str, sqlite_url: str) -> None:
    with (
        closing(sqlite3.connect(parse_url(url).database or "")) as there,
        closing(sqlite3.connect(parse_url(sqlite_url).database or "")) as here,
    ):
        there.backup(here)
    before, client = dump(sqlite_url), Client(gate(sqlite_url, write=True))
    for method, path in (("DELETE", "/api/studies/1"), ("POST", "/api/trials/1/tell"), ("POST", "/api/artifacts/1/1")):
        assert client(path, method, b"{}").status == 403
    assert dump(sqlite_url) == before
    version = client("/api/studies/1").text
    note = {"version": json.loads(version)["note"]["version"] + 1, "body": "mine"}
    assert client("/api/studies/1/note", "PUT", json.dumps(note).encode()).status == 204
    assert json.loads(client("/api/studies/1").text)["note"]["body"] == "mine"
    foreign = client("/api/studies/1/note", "PUT", json.dumps(note).encode(), origin="http://evil.example")
    assert foreign.status == 403


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "192.0.2.1", "a@localhost"])
def test_a_foreign_name_that_leads_here_is_refused(url: str, host: str) -> None:
    told = Client(gate(url), host=host)("/api/studies")
    assert told.status == 403
    assert "lr_aug" not in told.text


def test_own_names_are_let_in(url: str) -> None:
    for host in ("localhost", "LOCALHOST:9000", "127.0.0.1:8080", "[::1]:8080"):
        assert Client(gate(url), host=host)("/healthz").text == "ok\n"
    beyond = gate(url, secrets=Secrets(hashed(PASSWORD)), host="0.0.0.0")
    for host in ("192.0.2.1:8080", "[2001:db8::1]", socket.gethostname()):
        assert Client(beyond, host=host)("/healthz").status == 200
    assert Client(beyond, host="evil.example")("/healthz").status == 403


def test_every_answer_forbids_frames_sniffing_and_foreign_reading(looking: Client) -> None:
    for path in (
        "/",
        "/dashboard",
        "/static/bundle.js",
        "/api/studies",
        "/artifacts/1/1/1-1-1",
        "/ceteris/",
        "/healthz",
    ):
        headers = looking(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers, path


def test_without_login_nothing_is_readable(url: str) -> None:
    closed = gate(url, secrets=Secrets(hashed(PASSWORD), TOKEN), host="0.0.0.0")
    everywhere = [path for method, path in routes(closed) if method == "GET"]
    for path in [*everywhere, "/", "/ceteris/", "/ceteris/lr_aug", "/static/bundle.js", "/favicon.ico"]:
        for accept in ("text/html", "*/*"):
            told = Client(closed)(path, accept=accept, authorization="Bearer wrong", cookie="ceteris_session=guess")
            assert told.status == (303 if accept == "text/html" else 401), path
            assert "lr_aug" not in told.text + str(told.headers).replace("lr_aug", "", path.count("lr_aug"))
    assert "lr_aug" not in Client(closed)("/login").text
    assert Client(closed)("/healthz").text == "ok\n"


def test_the_password_opens_and_a_wrong_one_is_told(url: str) -> None:
    client = Client(gate(url, secrets=Secrets(hashed(PASSWORD)), host="0.0.0.0"))
    wrong = client("/login", "POST", b"password=wrong&next=/dashboard")
    assert (wrong.status, "That is not the password." in wrong.text) == (401, True)
    right = client("/login", "POST", f"password={PASSWORD.replace(' ', '+')}&next=%2Fceteris%2Flr_aug".encode())
    assert (right.status, right.headers["Location"]) == (303, "/ceteris/lr_aug")
    cookie = right.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    inside = {"cookie": cookie.split(";")[0]}
    assert client("/api/studies", **inside).status == 200
    assert client("/logout", "POST", **inside).status == 303
    assert client("/api/studies", **inside).status == 401


@pytest.mark.parametrize("asked", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y", ""])
def test_a_login_leads_nowhere_else(url: str, asked: str) -> None:
    client = Client(gate(url, secrets=Secrets(token=TOKEN), host="0.0.0.0"))
    body = f"password={TOKEN}&next={urllib.request.quote(asked)}"  # pyright: ignore[reportAttributeAccessIssue]
    assert client("/login", "POST", body.encode()).headers["Location"] == "/"


def test_a_program_comes_in_with_the_token(url: str) -> None:
    client = Client(gate(url, secrets=Secrets(token=TOKEN), host="0.0.0.0"))
    assert client("/api/studies", authorization=f"Bearer {TOKEN}").status == 200
    assert client("/api/studies/1", "DELETE", authorization=f"Bearer {TOKEN}").status == 403


def test_who_guesses_has_to_wait_and_others_have_not(url: str) -> None:
    closed = gate(url, secrets=Secrets(hashed(PASSWORD)), host="0.0.0.0")
    good = f"password={PASSWORD.replace(' ', '+')}".encode()
    for _ in range(TRIES):
        assert Client(closed)("/login", "POST", b"password=guess").status == 401
    told = Client(closed)("/login", "POST", good)
    assert told.status == 429
    assert int(told.headers["Retry-After"]) > 0
    assert Client(closed, address="192.0.2.7")("/login", "POST", good).status == 303


def test_an_ipv6_network_guesses_as_one() -> None:
    guesses = Guesses()
    for n in range(TRIES):
        guesses.failed(f"2001:db8::{n:x}")
    assert guesses.wait("2001:db8::ffff") > 0
    assert guesses.wait("2001:db8:1::1") == 0


def test_no_secret_can_be_read_from_what_is_kept() -> None:
    secrets = Secrets(hashed(PASSWORD), TOKEN)
    assert PASSWORD not in str(secrets.password)
    assert hashed(PASSWORD) != secrets.password  # salted
    assert repr(secrets) == "Secrets(...)"
    sessions = Sessions()
    value = sessions.open()
    assert sessions.holds(value)
    assert value not in repr(vars(sessions))


def test_a_hash_may_stand_in_the_password_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(hashed(PASSWORD) + "\n", encoding="utf-8")
    secrets = Secrets.given(file, None)
    assert secrets.opens(PASSWORD)
    assert not secrets.opens(hashed(PASSWORD))


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which it refuses to start."""
    told = invoke(dashboard.main, *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code in (2, 3)
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    return told.err


def test_it_refuses_in_one_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short, nothing = tmp_path / "short", tmp_path / "none.db"
    short.write_text("1234567", encoding="utf-8")
    assert "--password-file" in said(monkeypatch, capsys, "--storage", url, "--host", "0.0.0.0")
    assert "fewer than 8" in said(monkeypatch, capsys, "--storage", url, "--password-file", str(short))
    assert "password file" in said(monkeypatch, capsys, "--storage", url, "--password-file", str(tmp_path / "gone"))
    assert "search.launch" in said(monkeypatch, capsys, "--storage", f"sqlite:///{nothing.as_posix()}")
    assert not nothing.exists()
    nothing.write_bytes(b"")
    assert "holds no study" in said(monkeypatch, capsys, "--storage", f"sqlite:///{nothing.as_posix()}")
    assert nothing.read_bytes() == b""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in said(monkeypatch, capsys, "--storage", url, "--port", str(port))


def test_an_empty_server_database_is_left_empty(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds no study" in said(monkeypatch, capsys, "--storage", postgres_url)
    assert dump(postgres_url) == {}
    assert "there is no database" in said(monkeypatch, capsys, "--storage", postgres_url.replace("/ceteris_", "/gone_"))


def test_while_the_database_is_away_a_page_says_so(postgres_url: str) -> None:
    import psycopg
    from psycopg import sql
    from sqlalchemy.engine import make_url

    Store.connect(postgres_url).close()
    client = Client(gate(postgres_url))
    client.app.health_seconds = 0.0
    assert client("/healthz").status == 200
    here = make_url(postgres_url)
    admin = here.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    name, hidden = sql.Identifier(here.database or ""), sql.Identifier("hidden")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (here.database,)
        )
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(name, hidden))
        try:
            assert client("/healthz").status == 503
            told = client("/ceteris/")
            assert (told.status, "does not answer" in told.text) == (503, True)
            assert client("/api/studies").status == 503
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(hidden, name))
    assert client("/ceteris/").status == 200


def test_each_trial_has_pictures_that_stand_in_no_table(url: str, looking: Client) -> None:
    trials = json.loads(looking("/api/studies/1").text)["trials"]
    assert len(trials) == 2
    for trial in trials:
        names = [artifact["filename"] for artifact in trial["artifacts"]]
        assert names == ["learning-curve.png", "confusion-matrix.png", "worst-mistakes.png"]
        for artifact in trial["artifacts"]:
            told = looking(f"/artifacts/1/{trial['trial_id']}/{artifact['artifact_id']}")
            assert told.headers["Content-Type"] == "image/png"
            assert min(Image.open(io.BytesIO(told.body)).size) > 150
        assert "replicate 0" in trial["note"]["body"]
    assert not any("artifacts:" in row for row in dump(url)["trial_system_attributes"])


def test_a_picture_that_is_not_there_is_not_found(looking: Client) -> None:
    for name in ("1-1-9", "9-1-1", "1-99-1", "abc", "-", "1"):
        assert looking(f"/artifacts/1/1/{name}").status == 404


def test_without_the_images_the_sheet_says_so_and_the_confusion_matrix_is_there(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("search.contact_sheet.page", lambda title, note: told.append(note) or b"")
    client = Client(gate_of(Place("127.0.0.1", 8080, (), False, Secrets()), Store.read_only(url), url, None))
    assert client("/artifacts/1/1/1-1-2").body.startswith(b"\x89PNG")
    assert client("/artifacts/1/1/1-1-3").status == 200
    (note,) = told
    assert re.fullmatch(r"\d+ mistakes on \d+ validation images; the images are not on this host; give .* --data", note)


def test_nothing_can_be_uploaded_to_the_pictures() -> None:
    store = Artifacts(None, None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(PermissionError):
        store.write("1-1-1", io.BytesIO())
    with pytest.raises(PermissionError):
        store.remove("1-1-1")


@pytest.fixture
def served(url: str, tmp_path: Path) -> Iterator[str]:
    """A real server in a process of its own, behind a password; its address."""
    password, log = tmp_path / "password", tmp_path / "log"
    password.write_text(PASSWORD, encoding="utf-8")
    arguments = ["--storage", url, "--port", "0", "--password-file", str(password), "--data", "digits"]
    process = start_command("search.dashboard", *arguments, cwd=tmp_path, log=log)
    wait_until(lambda: "Ctrl-C" in log.read_text(encoding="utf-8") or process.poll() is not None)
    printed = log.read_text(encoding="utf-8")
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", printed)
    assert found, printed
    assert f"ssh -L {found[1]}:127.0.0.1:{found[1]} " in printed
    try:
        yield found[0].rstrip("/")
    finally:
        if sys.platform == "win32":
            process.kill()
        else:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert log.read_text(encoding="utf-8").endswith("stopped\n")


@pytest.mark.browser
def test_in_a_browser_the_stages_the_notes_and_the_pictures_are_there_and_names_are_text(served: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{served}/api/studies")
    with chromium(viewport={"width": 1280, "height": 1000}) as (page, complaints):
        page.goto(f"{served}/dashboard/studies/1/trials?numbers=1")
        page.fill("#password", "wrong")
        page.click("button")
        page.get_by_text("That is not the password.").wait_for()
        complaints.clear()  # Chromium tells of the refused login
        page.fill("#password", PASSWORD)
        page.click("button")

        # A trial: its note, its attributes, its pictures.
        page.get_by_text("after the decay").first.wait_for()
        assert page.get_by_text(HOSTILE).count() >= 2  # the note and the attribute
        page.wait_for_function(
            "[...document.querySelectorAll('img')].filter(i => i.src.includes('/artifacts/') && i.naturalWidth > 100)"
            ".length == 3"
        )
        # A stage: its note.
        page.goto(f"{served}/dashboard/studies/1/note")
        page.get_by_text("which learning rate?").wait_for()
        assert page.get_by_text(HOSTILE).count() >= 1
        # All stages, and what is not ours.
        page.goto(f"{served}/dashboard")
        page.get_by_text("lr_aug/1-lr").first.wait_for()
        page.get_by_text(FOREIGN).first.wait_for()
        # The whole study.
        page.goto(f"{served}/ceteris/")
        assert HOSTILE in page.inner_text("main")
        page.click("text=lr_aug")
        page.wait_for_url("**/ceteris/lr_aug")
        assert HOSTILE in page.inner_text("body")
        assert complaints == []

"""`--via`: a way to a database through ssh that is kept open, and closed when whoever asked for it is gone."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy.engine import make_url

from search.edge import UserError
from search.tunnel import through
from tests.search.commands import environment, wait_until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for ssh is a script with a #! line")

SSH = """import socket, sys, threading
words = sys.argv[1:]
assert words[-2] == "--" and "BatchMode=yes" in words
if words[-1] == "closed@door":
    sys.exit("Permission denied (publickey).")
address, port, host, target = words[words.index("-L") + 1].split(":")
server = socket.create_server((address, int(port)))
def pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)  # close would wait for the thread that reads from it
    except OSError:
        pass
while True:
    client, _ = server.accept()
    there = socket.create_connection((host, int(target)))
    for pair in ((client, there), (there, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""


@pytest.fixture(autouse=True)
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called ssh that forwards for real."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "forward.py").write_text(SSH, encoding="utf-8")
    # Not a #! line of Python itself: its path may hold a space.
    start = f'#!/bin/sh\nexec "{sys.executable}" "{folder / "forward.py"}" "$@"\n'
    (folder / "ssh").write_text(start, encoding="utf-8")
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(folder), os.environ["PATH"])))
    return folder


@pytest.fixture
def database() -> Iterator[int]:
    """The port of something that answers as it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(client.recv(100).upper())

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def answers(url: str) -> bool:
    parsed = make_url(url)
    assert parsed.query["hostaddr"] == "127.0.0.1" and parsed.port
    try:
        with socket.create_connection(("127.0.0.1", parsed.port), timeout=5) as there:
            there.sendall(b"hello")
            return there.recv(100) == b"HELLO"
    except OSError:
        return False


def ssh_processes(folder: Path) -> list[psutil.Process]:
    def is_ours(process: psutil.Process) -> bool:
        try:
            return str(folder / "forward.py") in process.cmdline()
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if is_ours(process)]


def test_a_way_that_breaks_is_made_again_and_ends_with_whoever_asked(database: int, ssh: Path) -> None:
    with through("me@storage", f"postgresql://me@127.0.0.1:{database}/ceteris?passfile=p") as url:
        wait_until(lambda: answers(url), 20)
        assert make_url(url).host == "127.0.0.1" and make_url(url).query["passfile"] == "p"
        (process,) = ssh_processes(ssh)
        process.kill()
        wait_until(lambda: answers(url), 20)
    wait_until(lambda: not ssh_processes(ssh), 20)
    assert not answers(url)


def test_a_way_ends_when_its_launch_is_killed(database: int, ssh: Path) -> None:
    code = f"""
import time
from search.tunnel import through
with through("me@storage", "postgresql://me@127.0.0.1:{database}/d") as url:
    print(url, flush=True)
    time.sleep(600)
"""
    env = environment(PATH=os.environ["PATH"])
    launch = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, encoding="utf-8")
    assert launch.stdout is not None
    url = launch.stdout.readline().strip()
    wait_until(lambda: answers(url), 20)
    assert len(ssh_processes(ssh)) == 1
    launch.send_signal(signal.SIGKILL)
    launch.wait()
    wait_until(lambda: not ssh_processes(ssh), 20)


@pytest.mark.parametrize(
    ("via", "url", "words"),
    [
        ("closed@door", "postgresql://me@h/d", r"no way through closed@door: Permission denied \(publickey\)\."),
        ("-oProxyCommand=evil", "postgresql://me@h/d", "no ssh destination"),
        ("me@there", "sqlite:///x.db", "leads to a PostgreSQL"),
        ("me@there", None, "leads to a PostgreSQL"),
    ],
)
def test_no_way_is_one_line(via: str, url: str | None, words: str) -> None:
    with pytest.raises(UserError, match=words), through(via, url):
        raise AssertionError("there is no way")


def test_without_via_the_url_is_what_it_was() -> None:
    began = time.monotonic()
    with through(None, "postgresql://me@h/d") as url:
        assert url == "postgresql://me@h/d"
    assert time.monotonic() - began < 1

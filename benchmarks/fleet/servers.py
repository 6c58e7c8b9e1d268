"""The database of a measurement, as `python -m storage.serve` runs it, and PgBouncer as the compose file does."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

from storage import cluster_roles
from storage.cluster import Cluster
from storage.cluster_settings import LOOPBACK, OWNER

POOL = Path(__file__).resolve().parents[2] / "storage" / "containers" / "pool.sh"
POOL_SIZE = 20


class Server:
    """A new PostgreSQL in a folder of its own; gone when closed."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ceteris-fleet-", dir="/tmp" if Path("/tmp").is_dir() else None))
        self.home.chmod(0o755)  # the server has an account of its own where this is root
        self.cluster = Cluster.at(self.home / "postgres")
        self.port = free_port()
        self.cluster.make()
        self.cluster.start(LOOPBACK, self.port)
        cluster_roles.settle(self.cluster, self.port, None)
        self.url = self.cluster.url(OWNER, LOOPBACK, self.port)
        self.admin = cluster_roles.connect(self.cluster, self.port, "postgres")

    def connections(self) -> int:
        """Of the server, to the database of the studies: idle ones too."""
        row = self.admin.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'ceteris'").fetchone()
        return int(row[0]) if row else 0

    def cpu_seconds(self) -> float:
        """Of all its processes, those that have ended as well."""
        found = self.cluster.running()
        return 0.0 if found is None else _cpu_of_tree(psutil.Process(found[0]))

    @property
    def version(self) -> str:
        row = self.admin.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else "?"

    def close(self) -> None:
        self.admin.close()
        self.cluster.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Pooler:
    """PgBouncer in transaction mode in front of a server, with the script and the settings of the compose file."""

    def __init__(self, server: Server) -> None:
        folder = server.home / "pool"
        folder.mkdir()
        account = server.cluster.programs.account
        as_other = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
        secret = folder / "password"
        secret.write_text(_password(server.cluster.password_file(OWNER)) + "\n", encoding="utf-8")
        if account is not None:
            for path in (folder, secret):
                os.chown(path, account.uid, account.gid)
        secret.chmod(0o600)
        self.port = free_port()
        environment = {
            "DB_HOST": LOOPBACK,
            "DB_PORT": str(server.port),
            "DB_PASSWORD_FILE": str(secret),
            "POOL_FOLDER": str(folder / "run"),
            "POOL_LISTEN": LOOPBACK,
            "POOL_PORT": str(self.port),
            "POOL_SIZE": str(POOL_SIZE),
            "PATH": os.pathsep.join((os.environ["PATH"], "/usr/sbin")),
        }
        with (folder / "pool.log").open("w", encoding="utf-8") as log:
            words = ["sh", str(POOL)]
            self.process = subprocess.Popen(words, env=environment, stdout=log, stderr=log, **as_other)  # type: ignore[call-overload]
        self.url = server.url.replace(f":{server.port}/", f":{self.port}/")

    @staticmethod
    def installed() -> bool:
        return os.name == "posix" and any(shutil.which("pgbouncer", path=p) for p in (None, "/usr/sbin"))

    def wait(self, seconds: float = 20.0) -> None:
        """Until it listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1):
                return
            time.sleep(0.1)
        raise RuntimeError("PgBouncer does not listen")

    def cpu_seconds(self) -> float:
        return _cpu_of_tree(psutil.Process(self.process.pid))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _password(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip().rsplit(":", 1)[1]


def _cpu_of_tree(root: psutil.Process) -> float:
    times = [root.cpu_times()]
    for process in root.children(recursive=True):
        with suppress(psutil.Error):
            times.append(process.cpu_times())
    return sum(t.user + t.system for t in times) + sum(times[0][2:4])  # its children that have ended

"""A PostgreSQL as `python -m storage.serve` starts it: a real command in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from storage.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def serve(*words: str, timeout: float = 200.0) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "storage.serve", *words],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


@dataclass
class Served:
    """`folder` is served on `port` while `process` runs."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    def start(self, *words: str) -> "Served":
        command = [sys.executable, "-m", "storage.serve", "--folder", str(self.folder), "--port", str(self.port)]
        with self.log.open("w", encoding="utf-8") as stream:
            self.process = subprocess.Popen([*command, *words], cwd=ROOT, stdout=stream, stderr=stream, text=True)
        end = time.monotonic() + 120
        while "Ctrl-C" not in self.said:
            assert self.process.poll() is None and time.monotonic() < end, self.said
            time.sleep(0.1)
        return self

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def stop(self) -> int:
        """As Ctrl-C does; the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)

    def password(self, role: str = "ceteris") -> str:
        line = self.cluster.password_file(role).read_text(encoding="utf-8").strip()
        return line.split(":", 4)[4]

    def url(self, role: str = "ceteris", **query: str) -> str:
        words = "&".join(f"{key}={value}" for key, value in query.items())
        return f"postgresql://{role}@127.0.0.1:{self.port}/ceteris?{words}"

    def file_url(self, role: str = "ceteris") -> str:
        """The URL that the command prints."""
        return self.cluster.url(role, "127.0.0.1", self.port)

    @property
    def cluster(self) -> Cluster:
        return Cluster.at(self.folder)

    def ask(self, question: str, role: str = "ceteris", database: str = "ceteris") -> list[tuple]:
        where = f"host=127.0.0.1 port={self.port} user={role} dbname={database}"
        with psycopg.connect(where, password=self.password(role)) as connection:
            cursor = connection.execute(question)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


def clean_environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "CETERIS_ST"))} | more

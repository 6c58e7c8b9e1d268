"""A PostgreSQL of one's own in a folder: made once, started, watched and stopped without an administrator's rights.

The folder holds `data` (PostgreSQL's), and a password file for each role.
"""

import os
import re
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from storage import cluster_settings
from storage.cluster_settings import ADMIN, DATABASE, LOOPBACK
from storage.errors import StorageRefused, StorageUnreachable
from storage.password_files import password_of, write_secret
from storage.postgres_programs import Programs, programs_for
from storage.urls import network_file_system

START_SECONDS = 120


@dataclass(frozen=True)
class Cluster:
    folder: Path
    programs: Programs

    @classmethod
    def at(cls, folder: Path) -> "Cluster":
        """The cluster of a folder, there or not yet. Raises StorageRefused: a network, another version, no programs."""
        folder = folder.expanduser().absolute()
        if (kind := network_file_system(folder)) is not None:
            raise StorageRefused(
                f"{folder} lies on a network file system ({kind}), where a database loses data: --folder on local disk"
            )
        return cls(folder, programs_for(folder / "data"))

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def password_file(self, role: str) -> Path:
        return self.folder / f"{role}.pgpass"

    def running(self) -> tuple[int, int] | None:
        """Process id and port of the server of this folder; None when it does not run."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
            pid, port = int(lines[0]), int(lines[3])
        except (OSError, ValueError, IndexError):
            return None
        return (pid, port) if _is_server(pid) else None

    def make(self) -> bool:
        """Make the data folder where there is none: UTF-8, language-neutral order, checksums; whether it was made."""
        if (self.data / "PG_VERSION").exists():
            return False
        self._make_folders()
        if any(self.data.iterdir()):
            raise StorageRefused(f"{self.data} holds something else than PostgreSQL's data: give another --folder")
        words = ("--username", ADMIN, "--encoding=UTF8", "--locale=C", "--data-checksums")
        secret = self.data.with_name(f".password-{secrets.token_hex(6)}")  # PostgreSQL's account must read it
        write_secret(secret, password_of(self.password_file(ADMIN), ADMIN) + "\n")
        try:
            self._give(secret)
            safe = ("--auth=scram-sha-256", f"--pwfile={secret}")
            done = self.programs.run("initdb", "-D", str(self.data), *words, *safe, cwd=self.folder)
        finally:
            secret.unlink(missing_ok=True)
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise StorageRefused(f"cannot make a database in {self.data}: {_last_line(done.stderr)}")
        return True

    def check_free(self, listen: str, port: int) -> None:
        """Raise StorageRefused when the folder is served already, or something else listens on the port."""
        if (found := self.running()) is not None:
            raise StorageRefused(
                f"{self.folder} is served already (process {found[0]}, port {found[1]}); to stop it:"
                f" python -m storage.serve --folder {self.folder} --stop"
            )
        _check_free(listen, port)

    def start(self, listen: str, port: int) -> None:
        """Start the server and wait until it answers. Raises StorageRefused with one line that says why not."""
        self.check_free(listen, port)
        self._forget_killed()
        cluster_settings.write(self.data, listen, port)
        begun = self.log.stat().st_size if self.log.exists() else 0
        wait = ("-w", "-t", str(START_SECONDS))
        done = self.programs.run(
            "pg_ctl", *wait, "-D", str(self.data), "-l", str(self.log), "start", cwd=self.folder, quiet=True
        )
        if done.returncode:
            with self.log.open("rb") as stream:
                stream.seek(begun)
                told = stream.read().decode("utf-8", "replace")
            raise StorageUnreachable(f"PostgreSQL does not start: {_reason(told)}; all of it: {self.log}")

    def stop(self) -> bool:
        """Stop the server at once and cleanly: clients are disconnected, nothing is lost; whether it ran."""
        if self.running() is None:
            return False
        wait = ("-w", "-t", str(START_SECONDS))
        done = self.programs.run("pg_ctl", *wait, "-D", str(self.data), "-m", "fast", "stop", cwd=self.folder)
        if done.returncode:
            raise StorageUnreachable(f"PostgreSQL does not stop: {_last_line(done.stderr)}; see {self.log}")
        return True

    def url(self, role: str, host: str, port: int) -> str:
        """The storage URL of a role, which names its password file rather than the password."""
        return f"postgresql://{role}@{host}:{port}/{DATABASE}?passfile={quote(self.password_file(role).as_posix())}"

    def last_words(self) -> str:
        """The last line of the server's log."""
        return _last_line(self.log.read_text(encoding="utf-8", errors="replace")) if self.log.exists() else "nothing"

    def _forget_killed(self) -> None:
        """PostgreSQL itself sees that the server before it was killed, but not when its number is another process's."""
        mark = self.data / "postmaster.pid"
        try:
            number = int(mark.read_text(encoding="utf-8", errors="replace").split()[0])
        except (OSError, ValueError, IndexError):
            return
        if psutil.pid_exists(number) and not _is_server(number):
            mark.unlink(missing_ok=True)

    def _make_folders(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.data.mkdir(mode=0o700, exist_ok=True)
            self._give(self.data)
        except OSError as error:
            raise StorageRefused(f"cannot write in {self.folder}: {error.strerror or error}") from None

    def _give(self, path: Path) -> None:
        """To the account that PostgreSQL runs under, where that is another one."""
        if self.programs.account is not None and os.name != "nt":
            os.chown(path, self.programs.account.uid, self.programs.account.gid)


def _is_server(number: int) -> bool:
    try:
        return psutil.Process(number).name().startswith("postgres")
    except psutil.Error:
        return False


def _check_free(listen: str, port: int) -> None:
    """Raise StorageRefused unless the port can be listened on."""
    for host in {LOOPBACK, LOOPBACK if listen in cluster_settings.EVERYBODY else listen}:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if os.name != "nt":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            raise StorageRefused(
                f"cannot listen on {host}:{port} ({error.strerror or error}): another PostgreSQL? give another --port"
            ) from None


def _reason(log: str) -> str:
    """The first FATAL line of a log, or its last line."""
    found = re.search(r"FATAL: +(.+)", log)
    return found[1] if found else _last_line(log)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"

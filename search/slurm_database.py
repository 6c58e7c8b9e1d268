"""The job of a database: PostgreSQL on its node's own disk, dumped into the shared folder before its time is over."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.edge import UserError
from search.slurm_address import DUMP, FILE, Address
from search.slurm_job import Job, say

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

    from storage.cluster import Cluster

POLL_SECONDS = 1.0
CLOSING_SECONDS = 90.0  # workers save and leave within 45
HURRIED_SECONDS = 12.0  # Slurm kills 30 s after its SIGTERM
LIFE = "life"  # beside the data: which run of the database they are from


@dataclass(frozen=True)
class DatabaseJob:
    """`shared` is seen by every node; `disk` is a folder of the node's own. Jobs of workers are called `workers`; when
    none is queued and nobody has been connected for `idle` seconds, the database is dumped and this job ends."""

    shared: Path
    disk: Path | None
    workers: str
    seconds: float
    margin: float
    dump_every: float = 300.0
    idle: float = 120.0

    def __call__(self) -> str:
        from storage.errors import StorageError

        try:
            return self._run(Job(self.seconds))
        except (UserError, StorageError) as error:
            raise SystemExit(f"error: {error}") from None

    def _run(self, job: Job) -> str:
        cluster = self._cluster()
        address = self._serve(cluster, job)
        try:
            wanted = self._watch(cluster, address, job)
            self._close(cluster, address, hurried=job.asked == "SIGTERM")
        finally:
            cluster.stop()
        if wanted:
            job.again()
        return "left" if wanted else "done"

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit queues again: the same. The database is dumped by then."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _cluster(self) -> "Cluster":
        """The data of the last run: as they lie here, if it was here, else from its dump. Raises `UserError`."""
        from storage import cluster_backup
        from storage.cluster import Cluster

        folder, last, dump = self._folder(), Address.read(self.shared), self.shared / DUMP
        mark = folder / LIFE
        if Cluster.at(folder).stop():  # left behind by a job that was killed: nobody else may write there
            say(f"stopped the server that was left in {folder}")
        if last is not None and last.here and mark.exists() and mark.read_text(encoding="utf-8") == last.life:
            say(f"going on with the data in {folder}")
            return Cluster.at(folder)
        if last is not None and not dump.exists():
            raise UserError(
                f"the database was last in {last.folder} on {last.host}, which was never dumped: bring it back there"
                f" (--db-sbatch nodelist={last.host}), or delete {self.shared / FILE} to begin with an empty one"
            )
        shutil.rmtree(folder)
        folder = self._folder()
        cluster = Cluster.at(folder)
        if dump.exists():
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(dump.stat().st_mtime))
            cluster_backup.restore(cluster, dump)
            say(f"restored from {dump}, which was made at {when}")
            if last is not None and not last.dumped:
                say(f"warning: the run before was killed; what was written after {when} is lost and will be done again")
        return cluster

    def _folder(self) -> Path:
        """On the node's own disk, nobody else's. Raises `UserError`."""
        me = os.getuid()
        name = f"ceteris-{me}-{uuid.uuid5(uuid.NAMESPACE_URL, self.shared.as_posix()).hex[:12]}"
        folder = (self.disk or Path(tempfile.gettempdir())) / name
        # PostgreSQL refuses to be root, and its account has to get to the data.
        folder.mkdir(mode=0o700 if me else 0o711, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != me:
            raise UserError(f"{folder} is somebody else's; give another folder with --db-folder")
        return folder

    def _serve(self, cluster: "Cluster", job: Job) -> Address:
        """Serve it on a free port, with a password of this run's own, and publish where it is."""
        from storage import cluster_roles
        from storage.cluster_settings import OWNER
        from storage.password_files import write_secret

        with socket.create_server(("", 0)) as probe:
            port = probe.getsockname()[1]
        cluster.make()
        cluster.start("0.0.0.0", port)
        secret = cluster.password_file(OWNER)
        secret.unlink(missing_ok=True)
        cluster_roles.settle(cluster, port, None)
        address = Address(socket.gethostname(), port, str(cluster.folder), uuid.uuid4().hex, job.name)
        for old in self.shared.glob("*.pgpass"):
            old.unlink()
        write_secret(address.password_file(self.shared), secret.read_text(encoding="utf-8"))
        (cluster.folder / LIFE).write_text(address.life, encoding="utf-8")
        address.publish(self.shared)
        until = time.strftime("%H:%M:%S", time.localtime(job.ends_at))
        say(f"PostgreSQL {cluster.programs.version} serves {cluster.folder} on {address.host}:{port} until {until}")
        return address

    def _watch(self, cluster: "Cluster", address: Address, job: Job) -> bool:
        """Serve until asked to leave, or until the time is nearly over (True), or nobody wants it any more (False)."""
        from storage.cluster_backup import backup

        dumped = used = looked = time.time()
        while not job.asked and time.time() < job.ends_at - self.margin:
            time.sleep(POLL_SECONDS)
            if cluster.running() is None:
                raise UserError(f"PostgreSQL has ended; last in {cluster.log}: {cluster.last_words()}")
            if time.time() - dumped >= self.dump_every:
                backup(cluster, self.shared / DUMP)
                dumped = time.time()
            if time.time() - looked >= 10:
                looked = time.time()
                if _clients(cluster, address.port) or queued(self.workers, self.shared):
                    used = looked
            if time.time() - used >= self.idle:
                say("nobody is left to work: the database closes")
                return False
        say(f"asked to leave ({job.asked})" if job.asked else "its time is nearly over")
        return True

    def _close(self, cluster: "Cluster", address: Address, hurried: bool) -> None:
        """Let the workers save and go, then dump what can no longer change."""
        from storage.cluster_backup import backup

        replace(address, open=False).publish(self.shared)
        end = time.time() + (HURRIED_SECONDS if hurried else min(CLOSING_SECONDS, self.margin * 0.6))
        while _clients(cluster, address.port) and time.time() < end:
            time.sleep(POLL_SECONDS)
        cluster.stop()
        size = backup(cluster, self.shared / DUMP)
        replace(address, open=False, dumped=True).publish(self.shared)
        say(f"dumped: {self.shared / DUMP}, {size:,} bytes")


def queued(name: str, shared: Path) -> tuple[str, ...]:
    """Jobs of that name for that folder, waiting or running. Where Slurm does not answer, one is taken to be there."""
    command = ["squeue", "--noheader", "--user", str(os.getuid()), "--name", name, "--format", "%i|%k"]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    except FileNotFoundError:
        return ()
    except subprocess.TimeoutExpired:
        return ("?",)
    if done.returncode:
        return ("?",)
    found = (line.partition("|") for line in done.stdout.splitlines())
    return tuple(number for number, _, comment in found if comment == str(shared))


def _clients(cluster: "Cluster", port: int) -> int:
    """How many connections there are beside this one."""
    from storage import cluster_roles
    from storage.cluster_settings import OWNER, READER

    with cluster_roles.connect(cluster, port, "postgres") as connection:
        question = "SELECT count(*) FROM pg_stat_activity WHERE usename IN (%s, %s)"
        found = connection.execute(question, (OWNER, READER)).fetchone()
    return int(found[0]) if found else 0

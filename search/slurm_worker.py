"""The job of a worker: a launch on the node that it got, begun where there is a database and ended in order."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.edge import EXIT_INTERRUPTED, EXIT_TIME, EXIT_UNREACHABLE
from search.slurm_address import Address
from search.slurm_job import Job, say, shielded

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

POLL_SECONDS = 1.0
DATABASE_SECONDS = 600.0  # without one for so long, the job gives its node back and queues again
STUDY_SECONDS = 300.0  # for so long the others wait for the first to make the study
TOLD_SECONDS = 6.0
STOP_SECONDS = 45.0  # a launch kills its workers 30 s after it asked them


@dataclass(frozen=True)
class WorkerJob:
    """`words` are the launch's. `margin` seconds before the limit the workers are gone. `published` is where a database
    job says where it is; None: the URL stands in the environment. Submitit keeps this in a file: no secrets in it."""

    study: str
    words: tuple[str, ...]
    seconds: float
    margin: float
    published: Path | None
    first: bool

    def __call__(self) -> str:
        job = Job(self.seconds)
        say(f"job {job.name} on {socket.gethostname()} until {time.strftime('%H:%M:%S', time.localtime(job.ends_at))}")
        leave_at = job.ends_at - self.margin
        code, seen = None, time.time()
        while code is None and not job.asked and time.time() < min(leave_at, seen + DATABASE_SECONDS):
            if (url := self._database()) is None:
                time.sleep(POLL_SECONDS)
            elif self.first or self._study_is_there(job, url, leave_at):
                code = self._launch(job, url, leave_at)
                if code == EXIT_UNREACHABLE and self.published is not None:
                    code = None  # its node is gone; Slurm brings it back on another
                elif code is None:
                    seen = time.time()
        if job.asked or code in (None, EXIT_TIME):
            over = code == EXIT_TIME or time.time() >= leave_at
            say(
                f"asked to leave ({job.asked})" if job.asked else "its time is over" if over else "there is no database"
            )
            job.again()
            return "left"
        if code == EXIT_INTERRUPTED:
            return "stopped"  # by search.stop: the launch has said so
        if code:
            raise SystemExit(f"the launch ended with exit code {code}; what it said stands above")
        return "done"

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit queues again: the same. What ran is saved by then."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _database(self) -> str | None:
        if self.published is None:
            return os.environ["CETERIS_STORAGE"]
        address = Address.read(self.published)
        return address.url(self.published) if address is not None and address.open else None

    def _study_is_there(self, job: Job, url: str, leave_at: float) -> bool:
        """Wait for whoever makes the study, but not for ever: then this one makes it."""
        from storage.errors import StorageError
        from storage.store import Store

        say(f"waiting for {self.study} to be made")
        try:
            store = Store.connect(url, wait=60.0)
            try:
                end = min(time.time() + STUDY_SECONDS, leave_at)
                while store.manifest(self.study) is None and time.time() < end and not job.asked:
                    time.sleep(POLL_SECONDS)
            finally:
                store.close()
        except StorageError as error:
            say(str(error))
            time.sleep(POLL_SECONDS)
            return False
        return not job.asked

    def _launch(self, job: Job, url: str, leave_at: float) -> int | None:
        """The launch's exit code; None when it was ended because the database closes or has moved."""
        environment = {**os.environ, "CETERIS_STORAGE": url, "CETERIS_ENDS_AT": f"{leave_at:.0f}"}
        command = [sys.executable, "-m", "search.launch", *self.words]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=shielded)
        say(f"launch {process.pid} on {socket.gethostname()}")
        moved = False
        while process.poll() is None and not job.asked and not moved:
            time.sleep(POLL_SECONDS)
            moved = self._database() != url
        if process.poll() is None:
            if moved:
                say("the database closes or has moved: the launch ends, and begins again when there is one")
            self._end(process, told=job.told_the_tree)
        return None if moved and not job.asked else process.returncode

    def _end(self, process: subprocess.Popen[bytes], told: bool) -> None:
        """As Ctrl-C does: workers save what they have. A launch that was told already is told again if it stays."""
        for seconds in (TOLD_SECONDS if told else 0.0, STOP_SECONDS):
            try:
                process.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

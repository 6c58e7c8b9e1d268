"""Real worker processes that are refilled when they die: copies of a server that has loaded everything once."""

import multiprocessing
import os
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.chaos import journal, places


@dataclass(frozen=True)
class Link:
    """A network in which every second worker lives, and the URL of the database as it is seen from there."""

    network: str
    url: str


@dataclass(frozen=True)
class Job:
    """What every worker of a chaos run does. `kind`: sleeping or training."""

    url: str
    name: str
    folder: Path
    kind: str
    epoch_seconds: float
    lease_seconds: float
    checkpoint_seconds: float
    patience: float = 120.0
    link: Link | None = None

    @property
    def journal(self) -> Path:
        return self.folder / "journal.txt"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"


def work(job: Job, log: str, launcher: int, link: Link | None) -> None:
    """`python -m search.work` as it is, but for what makes its runs."""
    if link is not None:
        places.enter(link.network)
    with Path(log).open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115

    from search import work as command
    from search.edge import run
    from search.workplace import Workplace

    begin = journal.begins(job.kind, job.journal, job.epoch_seconds)
    command.Workplace = partial(Workplace, begin=begin)  # type: ignore[misc]
    os.environ["CETERIS_STORAGE"] = link.url if link is not None else job.url
    sys.argv = ["search.work", "--name", job.name, "--data", "digits", "--device", "cpu", "--plain"]
    sys.argv += ["--folder", str(job.checkpoints), "--checkpoint-every", f"{job.checkpoint_seconds:g}"]
    sys.argv += ["--lease-seconds", f"{job.lease_seconds:g}", "--db-patience", f"{job.patience:g}"]
    sys.argv += ["--launcher", str(launcher), "--wait-for-db", "60"]
    run(command.main)


@dataclass
class Crew:
    job: Job
    size: int
    alive: dict[int, Any] = field(default_factory=dict)  # pid -> process
    born: dict[int, float] = field(default_factory=dict)
    ended: list[tuple[int, int, float]] = field(default_factory=list)  # pid, exit code, seconds lived
    started: int = 0

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["search.work", "benchmarks.chaos.crew"])

    @property
    def logs(self) -> list[Path]:
        return sorted(self.job.folder.glob("worker-*.log"))

    def log_of(self, number: int) -> Path:
        return self.job.folder / f"worker-{number:03d}.log"

    def refill(self) -> None:
        """Bury the dead and start others; who left because the study is answered (exit code 0) is not replaced."""
        for pid, process in list(self.alive.items()):
            if process.exitcode is not None:
                self.ended.append((pid, process.exitcode, time.monotonic() - self.born[pid]))
                del self.alive[pid]
        while len(self.alive) < self.size and not self.answered:
            self.started += 1
            link = self.job.link if self.started % 2 else None
            arguments = self.job, str(self.log_of(self.started)), os.getpid(), link
            process = self._context.Process(target=work, args=arguments)
            process.start()
            assert process.pid is not None
            self.alive[process.pid], self.born[process.pid] = process, time.monotonic()

    @property
    def answered(self) -> bool:
        """Whether a worker has left because nothing is to be done any more."""
        return any(code == 0 for _, code, _ in self.ended)

    def kill(self) -> None:
        for process in self.alive.values():
            process.kill()
            process.join()

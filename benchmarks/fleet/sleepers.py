"""Workers as `search.launch` starts them, but for the training: an epoch is a sleep. They note what they do."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.chaos.journal import SleepingRun
from storage.rows import Lease
from storage.store import Store
from trainer.run import Epoch

LEAVE_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    url: str
    name: str
    folder: Path
    epoch_seconds: float

    def notes(self, number: int) -> Path:
        return self.folder / f"notes-{number:03d}.txt"

    def log(self, number: int) -> Path:
        return self.folder / f"worker-{number:03d}.log"


@dataclass(frozen=True)
class Noted:
    """Something that a worker did; `at` in seconds since 1970, `seconds` is how long it took."""

    what: str  # epoch, claim
    at: float
    seconds: float


class NotingRun(SleepingRun):
    def __init__(self, *arguments: Any, notes: Any) -> None:
        super().__init__(*arguments)
        self._notes = notes

    def __next__(self) -> Epoch:
        epoch = super().__next__()
        self._notes("epoch", self._seconds)
        return epoch


def work(job: Job, number: int, launcher: int) -> None:
    """`python -m search.work` as it is, but for what makes its runs, and that its claims are timed."""
    with job.log(number).open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    notes = job.notes(number).open("a", encoding="utf-8", buffering=1)

    def note(what: str, seconds: float) -> None:
        notes.write(f"{what} {time.time():.4f} {seconds:.5f}\n")

    claim = Store.claim

    def timed(self: Store, *arguments: Any) -> Any:
        began = time.perf_counter()
        got = claim(self, *arguments)
        if isinstance(got, Lease):
            note("claim", time.perf_counter() - began)
        return got

    Store.claim = timed  # type: ignore[method-assign]

    from search import work as command
    from search.edge import run
    from search.workplace import Workplace

    def begin(recipe: Any, replicate: Any, at: Workplace) -> NotingRun:
        return NotingRun(recipe, replicate, job.epoch_seconds, notes=note)

    command.Workplace = partial(Workplace, begin=begin)  # type: ignore[misc]
    os.environ["CETERIS_STORAGE"] = job.url
    sys.argv = ["search.work", "--name", job.name, "--data", "digits", "--device", "cpu", "--plain"]
    sys.argv += ["--folder", str(job.folder / "checkpoints"), "--launcher", str(launcher), "--wait-for-db", "60"]
    run(command.main)


class Sleepers:
    """So many of them; copies of a process that has loaded everything once, so that they share its memory."""

    def __init__(self, job: Job, count: int) -> None:
        self.job, self.count = job, count
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["search.work", "sklearn.datasets", "benchmarks.fleet.sleepers"])
        self._processes = [context.Process(target=work, args=(job, n, os.getpid())) for n in range(count)]

    def start(self) -> None:
        """One after the other, spread over an epoch as far as starting takes no longer than that."""
        for process in self._processes:
            process.start()
            time.sleep(self.job.epoch_seconds / self.count)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes if process.pid is not None]

    def check(self) -> None:
        """Raises RuntimeError with the last words of a worker that has ended."""
        for number, process in enumerate(self._processes):
            if process.exitcode is not None:
                words = self.job.log(number).read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise RuntimeError(f"worker {number} has ended ({process.exitcode}): {words[-1:]}")

    @property
    def all_at_work(self) -> bool:
        """Whether each has ended an epoch."""
        return all(" " in self._noted(n) and "epoch" in self._noted(n) for n in range(self.count))

    def noted(self) -> Sequence[Noted]:
        """All that they have noted."""
        lines = [line.split() for n in range(self.count) for line in self._noted(n).splitlines()]
        return [Noted(words[0], float(words[1]), float(words[2])) for words in lines if len(words) == 3]

    def stop(self) -> None:
        """Let them give their trials back and leave."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                if process.pid is not None and process.exitcode is None:
                    os.kill(process.pid, signal.SIGTERM)
        end = time.monotonic() + LEAVE_SECONDS
        for process in self._processes:
            process.join(max(0.1, end - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()

    def _noted(self, number: int) -> str:
        file = self.job.notes(number)
        return file.read_text(encoding="utf-8") if file.exists() else ""

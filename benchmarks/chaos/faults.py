"""What goes wrong, one thing at a time."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.crew import Crew
from benchmarks.chaos.database import Postgres, Sqlite

OUTAGE_SECONDS = 1.5


@dataclass
class Faults:
    """Strikes at random. Kills and outages are noted with their time, for the checks."""

    crew: Crew
    database: Postgres | Sqlite
    disks: dict[str, Path]  # small file systems of their own: what is kept there -> where
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kills: list[tuple[int, float]] = field(default_factory=list)  # pid, when
    outages: list[tuple[float, float]] = field(default_factory=list)
    times: list[tuple[float, float, str]] = field(default_factory=list)  # when, how long it took, what

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._later: list[threading.Timer] = []

    def kinds(self) -> dict[str, Callable[[], object]]:
        kinds: dict[str, Callable[[], object]] = {"kill -9": self.kill, "SIGTERM": self.ask, "SIGSTOP": self.pause}
        if isinstance(self.database, Postgres):
            kinds["restart"] = lambda: self._outage(self._restart)
            kinds["cut link"] = lambda: self._outage(self._cut)
            kinds["drop connections"] = lambda drop=self.database.drop_connections: self._outage(drop)
        for name in self.disks:
            kinds[f"full disk ({name})"] = lambda name=name: self._outage(lambda: self._fill(self.disks[name]))
        return kinds

    def strike(self) -> str:
        """One fault. Killing is the commonest; what stops everybody is rarer."""
        kinds = self.kinds()
        weights = [{"kill -9": 12, "SIGSTOP": 6, "SIGTERM": 6}.get(name, 1) for name in kinds]
        (name,) = self._random.choices(list(kinds), weights)
        self.counts[name] += 1
        began = time.monotonic()
        kinds[name]()
        self.times.append((began, time.monotonic() - began, name))
        return name

    def kill(self) -> None:
        if (pid := self._victim()) is not None:
            self.kills.append((pid, time.time()))
            os.kill(pid, signal.SIGKILL)

    def ask(self) -> None:
        if (pid := self._victim()) is not None:
            os.kill(pid, signal.SIGTERM)

    def pause(self) -> None:
        """Longer than its lease: it wakes as a zombie."""
        if (pid := self._victim()) is not None:
            seconds = self.crew.job.lease_seconds + 1.5
            if isinstance(self.database, Sqlite):  # it may be stopped with the lock of the one who writes in its hand
                self.outages.append((time.time(), time.time() + seconds))
            os.kill(pid, signal.SIGSTOP)
            self._in(seconds, lambda: os.kill(pid, signal.SIGCONT))

    def over(self) -> None:
        """Wait until everything is mended."""
        for timer in self._later:
            timer.join()
        if isinstance(self.database, Postgres):
            self.database.start()

    def _victim(self) -> int | None:
        alive = [pid for pid, process in list(self.crew.alive.items()) if process.exitcode is None]
        return self._random.choice(alive) if alive else None

    def _in(self, seconds: float, what: Callable[[], object]) -> None:
        def carefully() -> None:
            with suppress(ProcessLookupError):
                what()

        timer = threading.Timer(seconds, carefully)
        timer.start()
        self._later.append(timer)

    def _outage(self, what: Callable[[], object]) -> None:
        began = time.time()
        what()
        self.outages.append((began, time.time()))

    def _restart(self) -> None:
        assert isinstance(self.database, Postgres)
        self.database.stop()
        time.sleep(OUTAGE_SECONDS)
        self.database.start()

    def _cut(self) -> None:
        assert isinstance(self.database, Postgres)
        self.database.cable.cut()
        time.sleep(OUTAGE_SECONDS)
        self.database.cable.mend()

    def _fill(self, disk: Path) -> None:
        ballast = disk / "ballast"
        with suppress(OSError), ballast.open("wb") as stream:
            while True:
                stream.write(bytes(65536))
        time.sleep(OUTAGE_SECONDS)
        ballast.unlink(missing_ok=True)


def small_disk(folder: Path, megabytes: int) -> bool:
    """Mount a file system of its own there, where this account may."""
    folder.mkdir(parents=True, exist_ok=True)
    line = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    with suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(line, check=True, capture_output=True)
        return True
    return False


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)

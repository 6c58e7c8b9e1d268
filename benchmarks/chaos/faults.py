"""What goes wrong, one thing at a time."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.chaos.crew import Crew
from benchmarks.chaos.database import Postgres, Sqlite
from benchmarks.chaos.places import Disk, Network

OUTAGE_SECONDS = 1.5
LONG_CUT_SECONDS = 12.0  # longer than what a connection is given to answer
OFTEN = {"kill -9": 12, "SIGSTOP": 6, "SIGTERM": 6, "cut link (network namespace)": 2}


@dataclass
class Faults:
    """Strikes at random. Kills and outages are noted with their time, for the checks."""

    crew: Crew
    database: Postgres | Sqlite
    checkpoints: Disk | None
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kills: list[tuple[int, float]] = field(default_factory=list)  # pid, when
    outages: list[tuple[float, float]] = field(default_factory=list)  # of everybody's database
    partial: list[tuple[float, float]] = field(default_factory=list)  # of some workers' database, or of checkpoints
    times: list[tuple[float, float, str]] = field(default_factory=list)  # when, how long it took, what
    broken: list[str] = field(default_factory=list)  # what could not be struck or mended

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._later: list[threading.Timer] = []

    def kinds(self) -> dict[str, Callable[[], object]]:
        kinds: dict[str, Callable[[], object]] = {"kill -9": self.kill, "SIGTERM": self.ask, "SIGSTOP": self.pause}
        if isinstance(self.database, Postgres):
            kinds["restart"] = lambda: self._outage(self._restart)
            kinds["cut link"] = lambda: self._outage(self._cut)
            kinds["drop connections"] = lambda drop=self.database.drop_connections: self._outage(drop)
            if self.database.network is not None:
                kinds["cut link (network namespace)"] = lambda net=self.database.network: self._part(net)
        if self.database.disk is not None:
            kinds["full disk (database)"] = lambda disk=self.database.disk: self._outage(lambda: self._fill(disk))
        if self.checkpoints is not None:
            kinds["full disk (checkpoints)"] = lambda disk=self.checkpoints: self._fill(disk)
        return kinds

    def strike(self) -> str:
        """One fault. Killing is the commonest; what stops everybody is rarer."""
        kinds = self.kinds()
        weights = [OFTEN.get(name, 1) for name in kinds]
        (name,) = self._random.choices(list(kinds), weights)
        self.counts[name] += 1
        began = time.monotonic()
        try:
            kinds[name]()
        except Exception as error:  # noqa: BLE001 (told among the checks)
            self.broken.append(f"{name}: {error!r}")
        self.times.append((time.time(), time.monotonic() - began, name))
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
            os.kill(pid, signal.SIGSTOP)
            self._in(self.crew.job.lease_seconds + 1.5, lambda: os.kill(pid, signal.SIGCONT))

    def over(self) -> None:
        """Wait until everything is mended."""
        for timer in self._later:
            timer.join()
        self.database.start()
        if self.database.probe is not None:
            self.outages += self.database.probe.outages

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

    def _fill(self, disk: Disk) -> None:
        began = time.time()
        disk.fill()
        time.sleep(OUTAGE_SECONDS)
        disk.clear()
        self.partial.append((began, time.time()))
        if disk is self.database.disk:
            self.database.start()  # PostgreSQL may have stopped, or not have come back

    def _part(self, network: Network) -> None:
        """Half of the workers lose the database, for less or for more than a lease; the others go on."""
        seconds = self._random.choice((OUTAGE_SECONDS, self.crew.job.lease_seconds + 1.5, LONG_CUT_SECONDS))
        network.cut()
        self.partial.append((time.time(), time.time() + seconds))
        self._in(seconds, network.mend)

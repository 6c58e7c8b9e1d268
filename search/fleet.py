"""The worker processes of this host: started, watched, replaced when killed, and stopped."""

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.copies import Copy
from search.edge import EXIT_OK, EXIT_TIME
from search.folder import file_name
from search.surroundings import surroundings

RESTARTS = 3
GRACE_SECONDS = 30.0


@dataclass
class Seat:
    """One place for a worker; refilled when its process dies, up to `RESTARTS` times."""

    number: int
    device: str
    process: subprocess.Popen[bytes] | Copy | None = None
    restarts: int = 0
    exit_code: int | None = None


@dataclass
class Fleet:
    """`arguments` go to every worker's command line, `environment` holds the storage URL.

    `copies` of this process are the first workers on CPUs; others, and whoever fills a place again, are started anew.
    """

    arguments: Sequence[str]
    environment: dict[str, str] = field(repr=False)
    logs: Path
    copies: list[Copy] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)

    def start(self, devices: Sequence[str]) -> None:
        for device in devices:
            seat = Seat(len(self.seats) + 1, device)
            self.seats.append(seat)
            self._fill(seat)
        while self.copies:
            self.copies.pop().dismiss()

    def watch(self) -> list[str]:
        """Refill the seats of workers that were killed; returns what happened, in words."""
        news = []
        for seat in self.seats:
            if seat.process is None or (code := seat.process.poll()) is None:
                continue
            seat.process, seat.exit_code = None, code
            if code in (EXIT_OK, EXIT_TIME):
                continue
            how = f"was killed ({_signal_name(code)})" if code < 0 else f"ended with exit code {code}"
            if seat.restarts < RESTARTS and code != 2:
                seat.restarts += 1
                self._fill(seat)
                how += "; another one takes its place"
            news.append(f"worker {seat.number} {how}; last in its log {self.log_of(seat)}: {self._last_line(seat)}")
        return news

    @property
    def running(self) -> int:
        """Places that were taken when last watched: one whose worker was killed since then will be filled again."""
        return sum(seat.process is not None for seat in self.seats)

    @property
    def all_well(self) -> bool:
        """Whether every worker that has ended left of its own accord."""
        return all(seat.exit_code in (None, EXIT_OK) for seat in self.seats)

    @property
    def out_of_time(self) -> bool:
        """Whether a worker has left because the time of this host is over."""
        return any(seat.exit_code == EXIT_TIME for seat in self.seats)

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Ask every worker to save and leave, wait, then kill what is left."""
        running = [seat.process for seat in self.seats if seat.process is not None and seat.process.poll() is None]
        for process in running:
            if os.name != "nt":  # there the console has told the whole group already
                process.send_signal(signal.SIGTERM)
        end = time.monotonic() + grace
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log_of(self, seat: Seat) -> Path:
        return self.logs / f"worker-{seat.number}_{file_name(platform.node())}-{os.getpid()}.log"

    def last_words(self) -> str:
        """The last line of the log of a worker that ended badly."""
        for seat in self.seats:
            if seat.exit_code not in (None, EXIT_OK, EXIT_TIME):
                return f"worker {seat.number}: {self._last_line(seat)} ({self.log_of(seat)})"
        return f"see the logs in {self.logs}"

    def _last_line(self, seat: Seat) -> str:
        try:
            lines = self.log_of(seat).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return "nothing"
        return lines[-1] if lines else "nothing"

    def _fill(self, seat: Seat) -> None:
        arguments = [*self.arguments, "--device", seat.device, "--launcher", str(os.getpid())]
        if self.copies and seat.device == "cpu":
            seat.process = copy = self.copies.pop()
            copy.begin(arguments, self.environment, self.log_of(seat))
            return
        command = [sys.executable, "-m", "search.work", *arguments]
        environment = {**surroundings(os.environ), **found_anywhere(), **self.environment}
        with self.log_of(seat).open("ab") as log:
            seat.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def found_anywhere() -> dict[str, str]:
    """So that a new Python finds this program from any folder, and its log is UTF-8."""
    root, path = str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH")
    return {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": root if not path else os.pathsep.join((root, path))}


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"

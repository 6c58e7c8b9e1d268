"""`python -m benchmarks.core_seconds REPORT.json COMMAND ...`: what a command costs, all its descendants included.

Writes {"wall": seconds until the command ended, "cores": user and system seconds, "code": its exit code}. `getrusage`
knows those descendants only that somebody waited for, and nobody waits for the workers of Ray; so on Linux they are
also looked at every `LOOK` seconds, orphans included, and what was last seen of each is added up: the larger of the two
sums is reported. Orphans that outlive the command by `GRACE` seconds are ended; their idle time is no part of the wall
time. Without Python's `resource` (Windows) core-seconds are null.

Imports nothing but the standard library: its own cost is no part of the report, and about a hundredth of a core.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE, LOOK = 15.0, 0.2
PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    report, command = Path(sys.argv[1]), sys.argv[2:]
    linux = sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    began = time.perf_counter()
    process, seen = subprocess.Popen(command), Seen()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(LOOK if linux else None)
            break
        seen.look()
    wall = time.perf_counter() - began
    if linux:
        bury_orphans(seen)
    cores = waited_for()
    cores = None if cores is None else max(cores, seen.seconds)
    report.write_text(json.dumps({"wall": wall, "cores": cores, "code": code}), encoding="utf-8")


def waited_for() -> float | None:
    """User and system seconds of all ended descendants that their parents have waited for."""
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Seen:
    """Processor time of every descendant when it was last looked at; of /proc."""

    def __init__(self) -> None:
        self._ticks: dict[tuple[int, int], int] = {}  # (pid, time of its start) -> user and system ticks of its own
        self.children: list[int] = []

    @property
    def seconds(self) -> float:
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def look(self) -> None:
        fields = {pid: stat for pid in _numbers() if (stat := _stat(pid))}
        family, added = {os.getpid()}, True
        while added:
            found = {pid for pid, stat in fields.items() if int(stat[1]) in family}
            added = not found <= family
            family |= found
        self.children = [pid for pid in family if pid in fields and int(fields[pid][1]) == os.getpid()]
        for pid in family - {os.getpid()}:
            stat = fields[pid]
            self._ticks[pid, int(stat[19])] = int(stat[11]) + int(stat[12])


def _numbers() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state, parent, ...); none if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def bury_orphans(seen: Seen) -> None:
    """Wait for every child there is; those that are still there after `GRACE` seconds are killed."""
    end = time.monotonic() + GRACE
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        seen.look()
        if time.monotonic() > end:
            for child in seen.children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        time.sleep(LOOK / 4)


if __name__ == "__main__":
    main()

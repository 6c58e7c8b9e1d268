"""Workers as copies of their launcher, taken when it has loaded all that trains and has opened nothing yet.

Loading costs about five seconds of a core, each process anew; a copy has it for nothing, and shares the memory of what
is loaded. On Linux, for workers on CPUs: a GPU cannot be used in a copy of a process that has looked at it.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

NAME = "ceteris-worker"  # in `top`; a process list shows the launcher's line


class Copy:
    """A copy of this process that waits for its command line; from `begin` on like a `subprocess.Popen`."""

    def __init__(self, program: Callable[[], None], others: Sequence["Copy"]) -> None:
        context = multiprocessing.get_context("fork")
        orders, self._orders = context.Pipe(duplex=False)
        senders = [*(other._orders for other in others), self._orders]
        self._process = context.Process(target=_wait, args=(orders, senders, program), daemon=True)
        self._process.start()
        orders.close()

    def begin(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Run the program with `arguments`; what it prints is appended to `log`."""
        with contextlib.suppress(BrokenPipeError):  # killed while it waited: `poll` tells
            self._orders.send((list(arguments), dict(environment), str(log)))
        self._orders.close()

    def dismiss(self) -> None:
        """It was not needed."""
        self._orders.close()
        self._process.join()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(NAME, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


def copies(count: int, program: Callable[[], None]) -> list[Copy]:
    """`count` copies that will run `program`; none where a process cannot be copied safely."""
    taken: list[Copy] = []
    if sys.platform == "linux" and _threads() == 1:
        sys.stdout.flush()
        sys.stderr.flush()
        for _ in range(count):
            taken.append(Copy(program, taken))
    return taken


def _wait(orders: Connection, senders: Sequence[Connection], program: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the launcher sees to it
    for sender in senders:  # or nobody would learn that the launcher is gone
        sender.close()
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    try:
        arguments, environment, log = orders.recv()
    except EOFError:
        return
    orders.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    sys.argv = [sys.argv[0], *arguments]
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    program()


def _threads() -> int:
    """Of this process, those of libraries included; a copy has only the one that took it."""
    return len(list(Path("/proc/self/task").iterdir()))

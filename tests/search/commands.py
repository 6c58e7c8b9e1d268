"""Run the commands as people do (a real process), or in this process where only the edge is of interest."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from search import edge

ROOT = Path(__file__).resolve().parents[2]

# A study of a few seconds: the smallest picture, the fewest epochs, replicates and trials that still have every part.
QUICK = (
    "baseline.image_size=8",
    "baseline.precision=fp32",
    "baseline.epochs=4",
    "baseline.epoch_images=400",
    "baseline.decay_epochs=1",
    "baseline.lr=0.004",
    "budgets.pilot=2",
    "budgets.finals=2",
    "budgets.finalists=1",
    "budgets.claims=4",
    "budgets.confirm=2",
)
SETTINGS = [word for setting in QUICK for word in ("--set", setting)]


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name == "CETERIS_CACHE" or not name.startswith("CETERIS_")
    }
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), **extra}


def command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def run_command(
    module: str,
    *arguments: str,
    cwd: Path,
    timeout: float = 200.0,
    env: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Outcome:
    """Run to the end in a process of its own; output as a reader with that `encoding` sees it."""
    full = environment(PYTHONIOENCODING=encoding) | dict(env or {})
    done = subprocess.run(
        command(module, *arguments), cwd=cwd, env=full, capture_output=True, timeout=timeout, check=False
    )
    return Outcome(done.returncode, done.stdout.decode(encoding, "replace"), done.stderr.decode(encoding, "replace"))


def start_command(
    module: str, *arguments: str, cwd: Path, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(
            command(module, *arguments), cwd=cwd, env=environment(**(env or {})), stdout=stream, stderr=stream
        )


def invoke(
    main: click.Command, *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Outcome:
    """Run in this process: the exit code and what was printed. A traceback of a bug surfaces as itself."""
    monkeypatch.setattr(sys, "argv", [f"search.{main.name}", *arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        edge.run(main)
    printed = capsys.readouterr()
    return Outcome(int(ended.value.code or 0), printed.out, printed.err)


def wait_until(holds: Callable[[], object], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)

"""Contestants in interleaved rounds, A B C, A B C, ..., each a process of its own whose start counts."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

ROOT = Path(__file__).resolve().parent.parent
A = TypeVar("A")


@dataclass(frozen=True)
class Contestant(Generic[A]):
    """`command` with the path of a file appended writes its answer there; `read` reads it."""

    name: str
    command: tuple[str, ...]
    read: Callable[[Path], A]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample(Generic[A]):
    wall: float  # seconds from the start of the process to its end
    cores: float  # user and system seconds of it and all its descendants; NaN where a system does not say
    answer: A


def interleaved(
    contestants: Sequence[Contestant[A]], rounds: int, say: Callable[[str], None] = lambda line: None
) -> dict[str, list[Sample[A]]]:
    """Name -> one sample per round. RuntimeError with the end of its output when one of them fails."""
    found: dict[str, list[Sample[A]]] = {contestant.name: [] for contestant in contestants}
    for number in range(1, rounds + 1):
        for contestant in contestants:
            sample = _sample(contestant)
            found[contestant.name].append(sample)
            say(f"round {number} of {rounds}: {contestant.name} {sample.wall:.1f} s, {sample.cores:.1f} core-seconds")
    return found


def _sample(contestant: Contestant[A]) -> Sample[A]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report, answer, log = (Path(folder) / name for name in ("report.json", "answer.json", "log.txt"))
        measured = (sys.executable, "-m", "benchmarks.core_seconds", str(report))
        with log.open("wb") as said:
            subprocess.run(
                (*measured, *contestant.command, str(answer)),
                cwd=folder,
                env=environment() | contestant.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=True,
            )
        cost = json.loads(report.read_text(encoding="utf-8"))
        if cost["code"] or not answer.exists():
            ending = log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise RuntimeError(f"{contestant.name} ended with exit code {cost['code']} and said: {ending}")
        cores = float("nan") if cost["cores"] is None else cost["cores"]
        return Sample(cost["wall"], cores, contestant.read(answer))


def environment() -> dict[str, str]:
    """Nobody's settings of threads, of ceteris or of Ray: every contestant runs with its defaults."""
    ours = ("CETERIS_", "OMP_", "MKL_", "OPENBLAS_", "MALLOC_", "RAY_", "TUNE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join(each for each in (str(ROOT), os.environ.get("PYTHONPATH")) if each)
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "RAY_USAGE_STATS_ENABLED": "0"}


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    def shown(self, digits: int = 1) -> str:
        """`12.3 (11.9 to 13.0)`"""
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """How many times ours theirs is, round by round: what slows the machine in a round slows both."""
    return Spread.of([one / other for one, other in zip(theirs, ours, strict=True)])

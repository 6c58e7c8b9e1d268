"""Progress of a launch in plain lines: one per ended run and per conclusion."""

import time
from collections.abc import Iterator
from typing import Protocol

import click

from search.sentences import verdict_sentence
from search.snapshot import ENDED, Snapshot
from storage.rows import ELSEWHERE, Lease, RunRow, WorkerRow


class Progress(Protocol):
    """What a launch tells while it waits."""

    def show(self, *studies: Snapshot) -> None: ...

    def say(self, line: str) -> None: ...

    def close(self) -> None: ...


class Quiet:
    """Says nothing but what went wrong."""

    def show(self, *studies: Snapshot) -> None:
        pass

    def say(self, line: str) -> None:
        click.echo(line, err=True)

    def close(self) -> None:
        pass


class PlainLines:
    """One line per ended run and per conclusion, for logs and pipes."""

    def __init__(self, over: Snapshot | None = None) -> None:
        """Nothing is said of what is `over` already."""
        self._began = time.monotonic()
        self._told = {(over.study.name, key) for key, _ in _news(over)} if over else set()

    def show(self, *studies: Snapshot) -> None:
        for snapshot in studies:
            name = snapshot.study.name
            for key, line in _news(snapshot):
                if (name, key) not in self._told:
                    self._told.add((name, key))
                    self.say(line if len(studies) == 1 else f"{name}  {line}")

    def say(self, line: str) -> None:
        click.echo(f"[{clock(time.monotonic() - self._began)}] {line}")

    def close(self) -> None:
        pass


def _news(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """(a key of its own, the line) of everything there is to tell."""
    if not snapshot.ended:
        yield from _first_score(snapshot)
    for row in sorted(snapshot.runs, key=lambda row: row.entry_id):
        if row.state in ENDED and not row.reused:
            yield f"run {row.trial_id}", run_line(row)
    if snapshot.rules:
        yield "rules", f"pilot: {snapshot.rules.words}"
    for line in snapshot.stages:
        if line.verdict:
            settled = "" if line.claim is None else " claim"
            yield f"verdict {snapshot.depth} {line.name}{settled}", verdict_sentence(line)


def _first_score(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """The first epoch that anybody has told of: long before the first run is over where runs are long."""
    row = next((row for row in snapshot.runs if row.state == "RUNNING" and row.epochs), None)
    curve = snapshot.curves(row.phase).get(row.number, []) if row else []
    if row and curve:
        yield "first score", f"{row.phase} #{row.number}  {setting(row)}  {curve[0].score:.4f}  after its first epoch"


def run_line(row: RunRow) -> str:
    """`1-lr #4  lr 0.002  0.9812  stalled at epoch 9: …`"""
    return readable(f"{row.phase} #{row.number}  {setting(row)}  {shown_score(row)}  {row.reason or row.stop or ''}")


def idle_words(worker: WorkerRow) -> str:
    """What a worker that holds no trial of the study does."""
    return worker.doing if worker.doing.startswith(ELSEWHERE) else "waiting for work"


def shown_score(row: RunRow) -> str:
    """The score by which its phase ranks it, or `-`."""
    score = row.best_score if "/" not in row.phase and row.phase[0].isdigit() else row.last_score
    return f"{score:.4f}" if score is not None and row.stop != "failed" else "-"


def readable(text: str) -> str:
    """`text` on one line, without what would move the cursor or colour the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def setting(row: RunRow | Lease) -> str:
    """The factor values of a run as they are searched: `focal(2), lr 0.003`."""
    words = [
        str(v) if isinstance(v, str) else f"{k} {v:g}"
        for k, v in row.params.items()
        if k not in ("replicate", "recipe")
    ]
    return ", ".join(words) or row.label


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

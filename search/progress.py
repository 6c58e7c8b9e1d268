"""Progress of a launch: a live screen on a terminal, plain lines otherwise. Both only read."""

import time
from typing import Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.answer import verdict_sentence
from search.edge import speaks_unicode
from search.snapshot import ENDED, Snapshot, StageLine
from storage.rows import RunRow

LATEST = 5


class Progress(Protocol):
    """What a launch tells while it waits."""

    def show(self, snapshot: Snapshot) -> None: ...

    def say(self, line: str) -> None: ...

    def close(self) -> None: ...


class Quiet:
    """Says nothing but what went wrong."""

    def show(self, snapshot: Snapshot) -> None:
        pass

    def say(self, line: str) -> None:
        click.echo(line, err=True)

    def close(self) -> None:
        pass


class PlainLines:
    """One line per ended run and per conclusion, for logs and pipes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told: set[str] = set()

    def show(self, snapshot: Snapshot) -> None:
        for row in sorted(snapshot.runs, key=lambda row: row.entry_id):
            if row.state in ENDED and not row.reused:
                self._once(f"{row.phase} #{row.number}", run_line(row))
        if snapshot.rules:
            rules = snapshot.rules
            self._once(
                "rules", f"pilot: a curve moves by delta {rules.delta:g}, two seeds differ by noise {rules.noise:g}"
            )
        for line in snapshot.stages:
            if line.verdict:
                self._once(f"verdict {line.name}", verdict_sentence(line))

    def say(self, line: str) -> None:
        click.echo(f"[{clock(time.monotonic() - self._began)}] {line}")

    def close(self) -> None:
        pass

    def _once(self, key: str, line: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self.say(line)


class LiveScreen:
    """Study, stages, what is running, what ended last and how long it will take, redrawn in place."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._began = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        self._live.update(self.screen(snapshot))

    def say(self, line: str) -> None:
        self._console.print(line)

    def close(self) -> None:
        self._live.stop()

    def screen(self, snapshot: Snapshot) -> Group:
        return Group(self._title(snapshot), Text(), _stages(snapshot), Text(), _running(snapshot), _latest(snapshot))

    def _title(self, snapshot: Snapshot) -> Group:
        done, left = len(snapshot.ended), snapshot.remaining
        elapsed = time.monotonic() - self._began
        self._first = self._first or (elapsed, done)
        since, before = self._first
        rate = (done - before) / (elapsed - since) if done > before and elapsed > since else 0.0
        eta = f", at most {clock(left / rate)} to go" if rate and left else ""
        spent = Text(f"{clock(elapsed)}{eta}", style="dim")
        title = Text.assemble((snapshot.study.name, "bold"), f" on {snapshot.study.resolved.data.name}  ", spent)
        count = Text(f"{done} of at most {done + left} runs", style="dim")
        if not speaks_unicode():
            return Group(title, count)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=max(done + left, 1), completed=done, width=48), count)
        return Group(title, grid)


def _stages(snapshot: Snapshot) -> Table:
    grid = Table.grid(padding=(0, 2))
    pilot = sum(row.phase == "pilot" and row.state in ENDED for row in snapshot.runs)
    rules = snapshot.rules
    said = f"delta {rules.delta:g}, noise {rules.noise:g}" if rules else ""
    grid.add_row(_mark(rules is not None, pilot > 0), "pilot", said, _count(pilot, snapshot.plan["pilot"]))
    for line in snapshot.stages:
        grid.add_row(_mark(line.verdict is not None, bool(line.screen)), line.name, _leader(line), _stage_count(line))
    confirm = [row for row in snapshot.runs if row.phase == "confirm"]
    ended = sum(row.state in ENDED for row in confirm)
    grid.add_row(
        _mark(snapshot.headline is not None, bool(confirm)), "confirm", "", _count(ended, snapshot.plan["confirm"])
    )
    return grid


def _leader(line: StageLine) -> Text:
    if line.verdict:
        return Text.assemble(
            (line.verdict.value, "bold green"),
            "  kept" if line.verdict.outcome == "tie" else f"  {line.verdict.outcome}",
        )
    best = line.best
    if best is None:
        return Text()
    return Text.assemble("best so far ", (setting(best), "bold"), f"  {best.best_score or 0.0:.4f}")


def _stage_count(line: StageLine) -> Text:
    ended = sum(row.state in ENDED and not row.reused for row in line.screen)
    finals = sum(row.state in ENDED and not row.reused for row in line.finals)
    if line.verdict:
        return Text(f"{ended + finals} runs", style="dim")
    if line.finals:
        return Text(
            f"finals {finals} of {sum(not row.reused for row in line.finals) or line.planned_finals}", style="dim"
        )
    return _count(ended, line.planned_screen)


def _count(done: int, planned: int) -> Text:
    return Text(f"{done} of {planned}" if done < planned else f"{done} runs", style="dim")


def _mark(done: bool, begun: bool) -> Text:
    symbols = ("✓", "▸", "·") if speaks_unicode() else ("*", ">", " ")
    return Text(symbols[0], "green") if done else Text(symbols[1], "yellow") if begun else Text(symbols[2], "dim")


def _running(snapshot: Snapshot) -> Table:
    grid = Table.grid(padding=(0, 2))
    for worker in snapshot.alive:
        grid.add_row(
            Text(f"{worker.host} {worker.pid}", style="dim"), Text(worker.device, style="dim"), Text(worker.doing)
        )
    return grid


def _latest(snapshot: Snapshot) -> Group:
    ended = [row for row in snapshot.ended if not row.reused]
    return Group(*(Text(run_line(row), style="dim", no_wrap=True, overflow="ellipsis") for row in ended[-LATEST:]))


def run_line(row: RunRow) -> str:
    """`1-lr #4  lr 0.002  0.9812  stalled at epoch 9: …`"""
    score = row.best_score if "/" not in row.phase and row.phase[0].isdigit() else row.last_score
    shown = f"{score:.4f}" if score is not None and row.stop != "failed" else "-"
    return f"{row.phase} #{row.number}  {setting(row)}  {shown}  {row.reason or row.stop or ''}"


def setting(row: RunRow) -> str:
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

"""Progress of a launch on a terminal, redrawn in place; it only reads."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.answer import winner_words
from search.edge import speaks_unicode
from search.progress import clock, run_line, setting
from search.snapshot import ENDED, Snapshot, StageLine

LATEST = 5


class LiveScreen:
    """Study, stages, what is running, what ended last and how long it will take, redrawn in place."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._unicode = speaks_unicode()  # asked before the live view takes stdout over
        self._began = time.monotonic()
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        self._live.update(self.screen(snapshot))

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def close(self) -> None:
        self._live.stop()

    def screen(self, snapshot: Snapshot) -> Group:
        return Group(
            self._title(snapshot),
            Text(),
            _stages(snapshot, self._unicode),
            Text(),
            _running(snapshot),
            _latest(snapshot),
        )

    def _title(self, snapshot: Snapshot) -> Group:
        done, left = len(snapshot.ended), snapshot.remaining
        elapsed = clock(time.monotonic() - self._began)
        eta = seconds_to_go(snapshot)
        spent = Text(f"{elapsed}, about {clock(eta)} to go" if eta is not None and left else elapsed, style="dim")
        title = Text.assemble((snapshot.study.name, "bold"), f" on {snapshot.study.resolved.data.name}  ", spent)
        count = Text(f"{done} of at most {done + left} runs", style="dim")
        if not self._unicode:
            return Group(title, count)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=max(done + left, 1), completed=done, width=48), count)
        return Group(title, grid)


def _stages(snapshot: Snapshot, pretty: bool) -> Table:
    grid = Table.grid(padding=(0, 2))
    pilot = sum(row.phase == "pilot" and row.state in ENDED for row in snapshot.runs)
    rules = snapshot.rules
    said = f"delta {rules.delta:g}, noise {rules.noise:g}" if rules else ""
    grid.add_row(_mark(rules is not None, pilot > 0, pretty), "pilot", said, _count(pilot, snapshot.plan["pilot"]))
    for line in snapshot.stages:
        grid.add_row(
            _mark(line.verdict is not None, bool(line.screen), pretty), line.name, _leader(line), _stage_count(line)
        )
    confirm = [row for row in snapshot.runs if row.phase == "confirm"]
    ended = sum(row.state in ENDED for row in confirm)
    grid.add_row(
        _mark(snapshot.headline is not None, bool(confirm), pretty),
        "confirm",
        "",
        _count(ended, snapshot.plan["confirm"]),
    )
    if "claims" in snapshot.plan:
        settled = sum(not line.claim_open for line in snapshot.stages)
        done, begun = settled == len(snapshot.stages), settled > 0 or snapshot.headline is not None
        shown = "" if done else "further replicates of the finalists" if begun else ""
        count = Text(f"{settled} of {len(snapshot.stages)} stages", style="dim")
        grid.add_row(_mark(done, begun, pretty), "claims", shown, count)
    return grid


def _leader(line: StageLine) -> Text:
    if line.verdict:
        return Text.assemble(
            (winner_words(line), "bold green"),
            "  kept" if line.outcome == "tie" else f"  {line.outcome}",
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
        return Text(f"finals {finals} of {max(line.planned_finals, finals)}", style="dim")
    return _count(ended, line.planned_screen)


def _count(done: int, planned: int) -> Text:
    return Text(f"{done} of {planned}" if done < planned else f"{done} runs", style="dim")


def _mark(done: bool, begun: bool, pretty: bool) -> Text:
    symbols = ("✓", "▸", "·") if pretty else ("*", ">", " ")
    return Text(symbols[0], "green") if done else Text(symbols[1], "yellow") if begun else Text(symbols[2], "dim")


def _running(snapshot: Snapshot) -> Table:
    held = {row.worker: row for row in snapshot.trained if row.state == "RUNNING"}
    grid = Table.grid(padding=(0, 2))
    for worker in snapshot.alive:
        row = held.get(worker.worker_id)
        doing = f"{row.phase} #{row.number}  {setting(row)}" if row else "waiting for work"
        at = f"epoch {row.epochs}" if row and row.epochs else ""
        grid.add_row(
            Text(f"{worker.host} {worker.pid} {worker.device}", style="dim"), Text(doing), Text(at, style="dim")
        )
    return grid


def seconds_to_go(snapshot: Snapshot) -> float | None:
    """From the mean length of the runs so far and the workers at work; None before the first run ended."""
    lengths = [row.seconds for row in snapshot.ended if row.seconds]
    if not lengths or not snapshot.alive:
        return None
    return snapshot.remaining * sum(lengths) / len(lengths) / len(snapshot.alive)


def _latest(snapshot: Snapshot) -> Group:
    ended = [row for row in snapshot.ended if not row.reused]
    return Group(*(Text(run_line(row), style="dim", no_wrap=True, overflow="ellipsis") for row in ended[-LATEST:]))

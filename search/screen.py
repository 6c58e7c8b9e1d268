"""The live view as lines of text, made from a snapshot for a terminal of a given size; it draws nothing itself."""

import json
import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from search.pace import gpu_use, seconds_to_go
from search.progress import clock, idle_words, readable, setting, shown_score
from search.sentences import winner_words
from search.signs import PLAIN, PRETTY, Signs, bar, sparkline
from search.snapshot import ENDED, Snapshot, StageLine
from storage.rows import RunRow, WorkerRow

FEWEST_LATEST, MOST_LATEST, NEWS_LINES = 3, 12, 2
SCORE_AND_REASON = 34  # cells: `  0.9900  finished its 12 epochs`, and a gap
Cell = tuple[str, str]  # text, style
_STYLES = {"running": "magenta", "diverged": "red", "failed": "red"}


@dataclass(frozen=True)
class View:
    """A snapshot, and what the launch that shows it knows besides."""

    snapshot: Snapshot
    elapsed: float
    host: str
    curve: Sequence[float] = ()
    """Validation scores of the leader, epoch by epoch."""
    epochs_per_second: float | None = None
    news: Sequence[str] = ()


def screen(view: View, width: int, height: int, pretty: bool) -> list[Text]:
    """At most `height` lines, none wider than `width`; the head of it first, so that a low terminal shows that."""
    signs = PRETTY if pretty else PLAIN
    head = [*_title(view, width, signs), Text(), *_stages(view.snapshot, width, signs), Text()]
    facts = _facts(view, width, signs)
    news = [_fitted([(part, "bold")], width, signs) for line in view.news[-1:] for part in _wrapped(line, width)]
    room = height - len(head) - len(facts) - 1 - len(news)
    workers = _workers(view, width, max(1, room - 1 - FEWEST_LATEST), signs)
    latest = _latest(view.snapshot, width, min(MOST_LATEST, max(0, room - len(workers) - 1)), signs)
    lines = [*head, *facts, Text(), *workers, *([Text(), *latest] if latest else []), *news]
    return lines[:height]


def _title(view: View, width: int, signs: Signs) -> list[Text]:
    snapshot = view.snapshot
    done, left = len(snapshot.ended), snapshot.remaining
    eta = seconds_to_go(snapshot)
    spent = f"{clock(view.elapsed)}, at most {clock(eta)} to go" if eta is not None and left else clock(view.elapsed)
    name, data = snapshot.study.name, f" on {snapshot.study.resolved.data.name}"
    where = f"   {_where(snapshot)}"
    whole = cell_len(name + data + where) + len(spent) + 2 <= width
    told: list[Cell] = [(name, "bold"), (data if whole else "", ""), (where, "magenta")]
    count = f"{done} of at most {done + left} runs"
    full, empty = bar(done / max(1, done + left), max(8, width - len(count) - 2), signs)
    return [
        _apart(told, (spent, "dim"), width, signs),
        _fitted([(full, "green"), (empty, "dim"), (f"  {count}", "dim")], width, signs),
    ]


def _where(snapshot: Snapshot) -> str:
    """`stage 2 of 3: 2-loss`, or what is going on before and after the stages."""
    if snapshot.rules is None:
        return "pilot"
    for number, line in enumerate(snapshot.stages, 1):
        if line.verdict is None:
            return f"stage {number} of {len(snapshot.stages)}: {line.name}"
    if snapshot.headline is None:
        return "confirm"
    return "claims" if any(line.claim_open for line in snapshot.stages) else "the last runs"


def _stages(snapshot: Snapshot, width: int, signs: Signs) -> list[Text]:
    """One line each: pilot, stages, confirm, claims, ablation."""
    rules, plan = snapshot.rules, snapshot.plan
    names = [
        "pilot",
        *(line.name for line in snapshot.stages),
        *(n for n in ("confirm", "claims", "ablation") if n in plan),
    ]
    wide = min(max(map(len, names)), width // 4)

    def line(name: str, done: bool, begun: bool, said: Sequence[Cell], count: str) -> Text:
        sign, style = (signs.done, "green") if done else (signs.now, "magenta") if begun else (signs.later, "dim")
        called = (f"{_sized(name, wide, signs)}  ", "" if done or begun else "dim")
        return _apart([(f"{sign} ", style), called, *said], (count, "dim"), width, signs)

    said: list[Cell] = [(f"delta {rules.delta:g}, noise {rules.noise:g}", "")] if rules else []
    lines = [line("pilot", rules is not None, bool(snapshot.runs), said, _counted(snapshot, "pilot"))]
    for each in snapshot.stages:
        cells = _leader(each), _stage_count(each)
        lines.append(line(each.name, each.verdict is not None, bool(each.screen), *cells))
    confirm = bool(_phase(snapshot, "confirm"))
    lines.append(line("confirm", snapshot.headline is not None, confirm, [], _counted(snapshot, "confirm")))
    if "claims" in plan:
        settled = sum(not each.claim_open for each in snapshot.stages)
        over, count = settled == len(snapshot.stages), f"{settled} of {len(snapshot.stages)} stages"
        lines.append(line("claims", over, snapshot.headline is not None or settled > 0, [], count))
    if "ablation" in plan:
        begun = bool(_phase(snapshot, "ablation"))
        lines.append(line("ablation", snapshot.ablation is not None, begun, [], _counted(snapshot, "ablation")))
    return lines


def _leader(line: StageLine) -> list[Cell]:
    if line.verdict:
        return [(winner_words(line), "bold"), (f"  {'kept' if line.outcome == 'tie' else line.outcome}", "green")]
    if line.best is None:
        return []
    return [("best so far ", ""), (setting(line.best), "bold"), (f"  {line.best.best_score or 0.0:.4f}", "")]


def _stage_count(line: StageLine) -> str:
    ended = sum(row.state in ENDED and not row.reused for row in line.screen)
    finals = sum(row.state in ENDED and not row.reused for row in line.finals)
    if line.verdict:
        return f"{ended + finals} runs"
    if line.finals:
        return f"finals {finals} of {max(line.planned_finals, finals)}"
    return f"{ended} of {max(line.planned_screen, ended)}"


def _counted(snapshot: Snapshot, phase: str) -> str:
    ended = sum(row.state in ENDED for row in _phase(snapshot, phase))
    return f"{ended} of {snapshot.plan[phase]}" if ended < snapshot.plan[phase] else f"{ended} runs"


def _phase(snapshot: Snapshot, name: str) -> list[RunRow]:
    return [row for row in snapshot.runs if row.phase == name]


def leader(snapshot: Snapshot) -> RunRow | None:
    """The best run of the screen of the latest stage that has one."""
    return next((line.best for line in reversed(snapshot.stages) if line.best is not None), None)


def _facts(view: View, width: int, signs: Signs) -> list[Text]:
    """Trials by state, the leader with its curve, and the pace."""
    snapshot = view.snapshot
    states = Counter(row.stop if row.state in ENDED else row.state.lower() for row in snapshot.trained)
    order = ("running", "waiting", "finished", "stalled", "pruned", "diverged", "failed")
    counts = [(f"{states[state]} {state}", _STYLES.get(state, "")) for state in order if states[state]]
    between = ", " if sum(len(words) + 2 for words, _ in counts) + 6 <= width else " "
    trials: list[Cell] = [("trials  ", "dim")]
    for number, count in enumerate(counts or [("none yet", "")]):
        trials += [(between if number else "", ""), count]
    lines = [_fitted(trials, width, signs)]
    best = leader(snapshot)
    if best is not None:
        told: list[Cell] = [("leader  ", "dim"), (f"{best.phase} #{best.number}  {setting(best)}", "bold")]
        told += [(f"  {best.best_score or 0.0:.4f}", "")]
        room = width - sum(cell_len(text) for text, _ in told) - 2
        curve = sparkline([_steep(score) for score in view.curve], min(40, room), signs) if room >= 4 else ""
        lines.append(_fitted([*told, (f"  {curve}", "green")], width, signs))
    pace = [] if view.epochs_per_second is None else [f"{view.epochs_per_second:.3g} epochs/s"]
    use = gpu_use(snapshot)
    pace += [] if use is None else [f"GPU use {100 * use:.0f} %"]
    if pace:
        lines.append(_fitted([("pace    ", "dim"), (", ".join(pace), "")], width, signs))
    return lines


def _workers(view: View, width: int, room: int, signs: Signs) -> list[Text]:
    """What each worker of this host does, as many as there is room for, and how many are at work elsewhere."""
    snapshot = view.snapshot
    held = {row.worker: row for row in snapshot.trained if row.state == "RUNNING"}
    here = sorted((w for w in snapshot.alive if w.host == view.host), key=lambda w: w.worker_id not in held)
    there = Counter(worker.host for worker in snapshot.alive if worker.host != view.host)
    lines = [_worker(worker, held.get(worker.worker_id), width, signs) for worker in here]
    keep = max(1, room - (1 if there else 0))
    if len(lines) > keep:
        at_work = sum(worker.worker_id in held for worker in here[keep - 1 :])
        more = f"and {len(lines) - keep + 1} more workers here, {at_work} of them at work"
        lines = [*lines[: keep - 1], _fitted([(more, "dim")], width, signs)]
    if there:
        servers = ", ".join(f"{host} ({count})" for host, count in sorted(there.items()))
        total = f"{sum(there.values())} worker{'s' if sum(there.values()) > 1 else ''} on other servers: "
        lines.append(_fitted([(total, ""), (servers, "dim")], width, signs))
    return lines or [_fitted([("no worker has come yet", "dim")], width, signs)]


def _worker(worker: WorkerRow, row: RunRow | None, width: int, signs: Signs) -> Text:
    who = (f"{_sized(worker.device, 8, signs)}", "dim")
    if row is None:
        return _apart([who, (idle_words(worker), "dim")], (f"pid {worker.pid}", "dim"), width, signs)
    total = json.loads(row.recipe).get("epochs") if row.recipe else None
    at = f"epoch {row.epochs} of {total}" if total else f"epoch {row.epochs}"
    return _apart([who, (f"{row.phase} #{row.number}  ", ""), (setting(row), "")], (at, "dim"), width, signs)


def _latest(snapshot: Snapshot, width: int, room: int, signs: Signs) -> list[Text]:
    """The runs that ended last, in columns; the newest one below."""
    rows = [row for row in snapshot.ended if not row.reused]
    rows = rows[max(0, len(rows) - room) :] if room else []
    if not rows:
        return []
    names, settings = [f"{row.phase} #{row.number}" for row in rows], [setting(row) for row in rows]
    called = max(map(cell_len, names))
    wide = called, min(max(map(cell_len, settings)), max(8, width - called - SCORE_AND_REASON))
    lines = []
    for row, name, what in zip(rows, names, settings, strict=True):
        start = f"{_sized(name, wide[0], signs)}  {_sized(what, wide[1], signs)}  {shown_score(row)}  "
        why = shortened(readable(row.reason or row.stop or ""), width - cell_len(start), signs)
        lines.append(
            _fitted([(start, "dim"), (why, "red" if row.stop in ("diverged", "failed") else "dim")], width, signs)
        )
    return lines


def shortened(reason: str, width: int, signs: Signs) -> str:
    """A reason in `width` cells: whole, or its first part (up to a colon or semicolon), or what fits of that."""
    if cell_len(reason) <= width:
        return reason
    first = reason.split(";")[0]
    if cell_len(first) > width:
        first = first.split(":")[0]
    return _cut(first, width, signs)


def _apart(left: Sequence[Cell], right: Cell, width: int, signs: Signs) -> Text:
    """`left` from the left edge, cut where it must be, and `right` at the right edge, whole."""
    end = _cut(readable(right[0]), width, signs)
    start = _fitted(left, max(0, width - cell_len(end) - 2), signs)
    gap = width - start.cell_len - cell_len(end)
    return Text.assemble(start, " " * max(0, gap), (end, right[1]))


def _fitted(cells: Sequence[Cell], width: int, signs: Signs) -> Text:
    """Cells one after the other, cut at `width`."""
    text, left = Text(no_wrap=True), width
    for words, style in cells:
        part = _cut(readable(words), left, signs)
        text.append(part, style)
        left -= cell_len(part)
        if part != readable(words):
            break
    return text


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(readable(line), max(8, width), max_lines=NEWS_LINES, placeholder=" ...")


def _steep(score: float) -> float:
    """Mistakes on a logarithmic scale: from 0.98 to 0.99 is as far as from 0.8 to 0.9."""
    return -math.log(max(1e-4, 1 - score)) if math.isfinite(score) else score


def _cut(text: str, width: int, signs: Signs) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + signs.cut if width > 0 else ""


def _sized(text: str, width: int, signs: Signs) -> str:
    """Exactly `width` cells."""
    return set_cell_size(_cut(readable(text), width, signs), width)

"""What the report says of each stage."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from search.answer import stage_cells
from search.figures import Figures
from search.plot_data import Value, curves_of, values_of
from search.progress import setting
from search.sentences import verdict_sentence
from search.snapshot import Snapshot, StageLine
from spaces.stage import Stage
from storage.rows import RunRow

LISTED = 100  # values, and trials of each kind, that the page names; EXPERIMENTS.md has them all


@dataclass(frozen=True)
class StageSection:
    """One stage, as the page shows it; `figures` are SVG."""

    name: str
    asks: str
    sentence: str
    cells: tuple[str, str, str, str]
    outcome: str
    values: tuple[Value, ...]
    more_values: int
    isolation: str
    curves: str
    pruned: tuple[tuple[str, str, str], ...]  # trial, setting, reason
    more_pruned: int
    others: tuple[tuple[str, str, str], ...]  # diverged and failed
    warnings: tuple[str, ...]


def stage_sections(snapshot: Snapshot, figures: Figures) -> list[StageSection]:
    stages = zip(snapshot.study.definition.stages, snapshot.stages, strict=True)
    return [_section(snapshot, stage, line, figures) for stage, line in stages]


def _section(snapshot: Snapshot, stage: Stage, line: StageLine, figures: Figures) -> StageSection:
    values = values_of(stage, line)
    axis, metric = " + ".join(stage.asks), snapshot.metric
    pruned = [row for row in line.trials if row.stop == "pruned" and not row.reused]
    others = [row for row in line.trials if row.stop in ("diverged", "failed") and not row.reused]
    curves = curves_of(line.screen, snapshot.curves(line.name)) if line.screen else []
    evidence: Any = line.verdict.evidence if line.verdict else None
    return StageSection(
        name=line.name,
        asks=axis,
        sentence=_sentence(snapshot, line),
        cells=stage_cells(line),
        outcome=line.outcome,
        values=tuple(sorted(values, key=_place)[:LISTED]),
        more_values=len(values[LISTED:]),
        isolation=figures.isolation(f"{line.name} values", [value.scores for value in values], metric, axis)
        if values
        else "",
        curves=figures.curves(
            f"{line.name} curves", curves, stage.rungs(snapshot.study.definition.budgets.rungs), metric
        ),
        pruned=tuple(_told(row) for row in pruned[:LISTED]),
        more_pruned=len(pruned[LISTED:]),
        others=tuple(_told(row) for row in others[:LISTED]),
        warnings=tuple((evidence or {}).get("warnings", ())),
    )


def _sentence(snapshot: Snapshot, line: StageLine) -> str:
    """The verdict without the stage's name, or what is still open."""
    if line.verdict:
        return verdict_sentence(line).removeprefix(f"{line.name}: ")
    if not line.screen:
        return "Not begun."
    stops = Counter(row.state for row in line.trials)
    ended = sum(count for state, count in stops.items() if state in ("COMPLETE", "PRUNED", "FAIL"))
    led = f"; {setting(line.best)} leads with {line.best.best_score:.4f}" if line.best and line.best.best_score else ""
    return f"Open: {ended} trials have ended, {stops['RUNNING']} run{led}. Nothing is decided before the finals."


def _place(value: Value) -> tuple[bool, float, float]:
    scores = value.scores
    return scores.mean is None, -(scores.mean or 0.0), -(scores.screen or 0.0)


def _told(row: RunRow) -> tuple[str, str, str]:
    return f"{row.phase} #{row.number}", setting(row), row.reason or row.stop or ""

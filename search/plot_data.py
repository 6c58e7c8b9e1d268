"""From the rows of a stage to what its figures show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search import verdict
from search.plot_curves import Curve
from search.plot_isolation import ValueScores
from search.progress import setting
from search.records import Gain
from search.snapshot import StageLine
from spaces.stage import Stage, is_range
from storage.rows import EpochRow, RunRow


@dataclass(frozen=True)
class Value:
    """One scientific value of a stage: its scores, its trials, and its mean paired gain over the incumbent."""

    scores: ValueScores
    settings: str  # the best nuisance setting of its screen, `lr 0.004`; '' without any
    trials: int
    stops: Mapping[str, int]
    gain: Gain | None  # over the replicates that both have
    pairs: int


def values_of(stage: Stage, line: StageLine) -> list[Value]:
    """The values of a stage in the order in which they were first tried."""
    evidence: Any = line.verdict.evidence if line.verdict else None
    incumbent = (evidence or {}).get("incumbent") or next((r.label for r in line.screen if r.role == "incumbent"), None)
    winner = line.verdict.value if line.verdict else None
    held = _scores(line.finals, incumbent)
    found = []
    for label in dict.fromkeys(row.label for row in line.screen):
        rows = [row for row in line.screen if row.label == label]
        counting = [row for row in rows if counts(row)]
        seen = [row for row in counting or rows if row.best_score is not None and row.stop in ("pruned", *WELL)]
        best = max(seen, key=lambda row: row.best_score or 0.0, default=None)
        mine = _scores(line.finals, label)
        scores = ValueScores(
            label=label,
            screen=best.best_score if best else None,
            replicates=tuple(mine[number] for number in sorted(mine)),
            incumbent=label == incumbent,
            winner=label == winner,
            cut=not counting,
            position=_position(stage, rows[0]),
        )
        common = sorted(mine.keys() & held.keys()) if label != incumbent else []
        stops = {
            stop: sum(row.stop == stop for row in rows)
            for stop in ("finished", "stalled", "pruned", "diverged", "failed")
        }
        found.append(Value(scores, _nuisance(stage, best), len(rows), stops, _gain(mine, held, common), len(common)))
    return found


def curves_of(rows: Sequence[RunRow], epochs: Mapping[int, Sequence[EpochRow]]) -> list[Curve]:
    """The curves of the runs of one phase; `epochs` by their number in it."""
    return [
        Curve(setting(row), row.stop, tuple(epoch.score for epoch in epochs[row.number]))
        for row in rows
        if epochs.get(row.number)
    ]


WELL = ("finished", "stalled")


def counts(row: RunRow) -> bool:
    """Whether its score counts: it ended, and neither was cut short nor went wrong."""
    return row.stop in WELL


def _scores(rows: Sequence[RunRow], label: str | None) -> dict[int, float]:
    mine = [row for row in rows if row.label == label and counts(row)]
    return {row.replicate: row.last_score for row in mine if row.last_score is not None}


def _gain(mine: Mapping[int, float], held: Mapping[int, float], common: Sequence[int]) -> Gain | None:
    if len(common) < 2:
        return None
    told = verdict.paired_gain([mine[n] for n in common], [held[n] for n in common])
    return Gain(mean=told.mean, low=told.low, high=told.high)


def _position(stage: Stage, row: RunRow) -> float | None:
    value = row.params.get(stage.factor)
    return float(value) if is_range(stage) and isinstance(value, (int, float)) else None


def _nuisance(stage: Stage, row: RunRow | None) -> str:
    field = stage.nuisance.field if stage.nuisance else ""
    value = row.params.get(field) if row else None
    return f"{field} {value:g}" if isinstance(value, (int, float)) else ""

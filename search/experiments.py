"""EXPERIMENTS.md: one row per trial, in an order that stays, so that a later version differs by what has happened."""

import datetime
import math
from collections.abc import Mapping, Sequence

from search import markdown
from search.answer import answer_sentence, stage_cells
from search.cost import Recipes
from search.sentences import verdict_sentence
from search.snapshot import ENDED, Snapshot
from storage.attempts import AttemptRow
from storage.rows import EpochRow, RunRow
from trainer.recipe import Recipe
from trainer.replicate import Replicate

HEADER = (
    "date", "author", "host", "model", "stage", "trial", "value", "seed", "fold", "lowest train loss", "val loss",
    "val {metric}", "best {metric}", "epochs", "stopped", "differs from the baseline in",
)  # fmt: skip
NUMBERS = (7, 8, 9, 10, 11, 12, 13)  # columns
NONE = "-"


def experiments(snapshot: Snapshot) -> str:
    """The whole file, ending in a newline. Dates are local ones."""
    study = snapshot.study
    return "\n".join([f"# Experiments of {markdown.shown(study.name)}", "", *block(snapshot)]) + "\n"


def block(snapshot: Snapshot) -> list[str]:
    """All but the heading: the answer, the stages, the trials."""
    study = snapshot.study
    lines = [
        f"{markdown.shown(study.resolved.data.words)}.",
        "",
        f"**{markdown.shown(answer_sentence(snapshot))}**",
        "",
    ]
    stages = [("stage", "winner", "score", "trials (finished/stalled/pruned/diverged)")]
    lines += markdown.table([*stages, *(stage_cells(line) for line in snapshot.stages)])
    lines += ["", *(f"- {markdown.shown(verdict_sentence(line))}" for line in snapshot.stages if line.verdict)]
    return [*lines, "", *markdown.table(rows(snapshot), NUMBERS)]


def rows(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """Header and trials: by phase in the order of the study's life, then by number."""
    metric = snapshot.metric
    phases = {name: place for place, name in enumerate(snapshot.phases)}
    trials = [row for row in snapshot.trained if row.state in (*ENDED, "RUNNING")]
    trials.sort(key=lambda row: (phases.get(row.phase, len(phases)), row.phase, row.number))
    curves = {name: snapshot.curves(name) for name in dict.fromkeys(row.phase for row in trials)}
    attempts = {attempt.trial_id: attempt for attempt in reversed(snapshot.attempts)}  # the first of each
    recipes, baseline = Recipes(), snapshot.study.definition.baseline
    told = [
        _row(snapshot, row, recipes.of(row), baseline, curves[row.phase].get(row.number, ()), attempts)
        for row in trials
    ]
    return [tuple(name.format(metric=metric) for name in HEADER), *told]


def _row(
    snapshot: Snapshot,
    row: RunRow,
    recipe: Recipe,
    baseline: Recipe,
    curve: Sequence[EpochRow],
    attempts: Mapping[int, AttemptRow],
) -> tuple[str, ...]:
    replicate = Replicate.numbered(row.replicate, snapshot.study.definition.folds)
    attempt = attempts.get(row.trial_id)
    losses = [epoch.train_loss for epoch in curve if math.isfinite(epoch.train_loss)]
    return (
        _date(attempt.began_at) if attempt else NONE,
        snapshot.study.manifest.creator,
        attempt.host if attempt else NONE,
        recipe.backbone_name,
        row.phase,
        f"#{row.number}",
        row.label,
        str(replicate.seed),
        str(replicate.fold),
        _number(min(losses, default=None)),
        _number(curve[-1].val_loss if curve else None),
        _number(curve[-1].score if curve else row.last_score),
        _number(row.best_score),
        str(len(curve) or row.epochs),
        row.stop or "running",
        differences(recipe, baseline),
    )


def differences(recipe: Recipe, baseline: Recipe) -> str:
    """`lr 0.016, loss focal(2)`: what is another value than in the baseline, the stopping rule aside."""
    found = recipe.differences(baseline)
    return (
        ", ".join(f"{field} {mine}" for field, (mine, _) in found.items() if field.split(".")[0] != "plateau") or NONE
    )


def _number(value: float | None) -> str:
    return f"{value:.4f}" if value is not None and math.isfinite(value) else NONE


def _date(at: float) -> str:
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")

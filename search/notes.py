"""Notes for Optuna's dashboard: what a stage asks, what it found, and what one trial was, in Markdown."""

import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from search.answer import ablation_lines, answer_lines
from search.markdown import shown, table
from search.plot_data import WELL, Value, values_of
from search.sentences import verdict_sentence
from search.snapshot import ENDED, Snapshot, StageLine
from search.study import Study
from spaces.domain import label
from spaces.stage import Stage
from storage.errors import StorageError
from storage.rows import RunRow
from trainer.recipe import Recipe, read_recipe
from trainer.replicate import Replicate

log = logging.getLogger("ceteris.notes")
PATIENCE_SECONDS, EVERY_SECONDS = 2.0, 20.0
LONGEST_TRIAL_NOTE = 2000  # characters: one part of a note as Optuna's dashboard keeps them
WORDS = {"lr": "learning rate", "augment": "augmentation"}
SHOWN = ("backbone", "image_size", "optimizer", "lr", "loss", "augment", "batch_size", "epochs", "precision")
LEGEND = (
    "screen: best epoch of the best setting; mean: after the decay; gain: over the value held before, on the "
    "replicates that both have. Intervals are Student's, of these runs alone; a claim also counts the noise of earlier "
    "stages."
)


class Notes:
    """Keeps the notes of a study as its snapshots have them; what goes wrong with one never harms the study."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._decided: Any = None
        self._at = float("-inf")

    def keep(self, snapshot: Snapshot) -> None:
        """Write the notes that have changed, when something was decided and every 20 seconds."""
        decided = [(line.name, line.verdict is not None, line.claim) for line in snapshot.stages]
        news = decided, snapshot.rules, snapshot.headline, {row.phase for row in snapshot.runs}
        if news == self._decided and time.monotonic() - self._at < EVERY_SECONDS:
            return
        self._decided, self._at = news, time.monotonic()
        study = snapshot.study
        try:
            for phase, body in phase_notes(snapshot).items():
                if self._told.get(phase) != body:
                    with study.store.patient_for(PATIENCE_SECONDS):
                        study.store.keep_note(study.study_id, phase, body)
                    self._told[phase] = body
        except StorageError as error:
            log.warning("the notes for the dashboard are not written: %s", error)
        except Exception:
            log.exception("the notes for the dashboard are not written")


def phase_notes(snapshot: Snapshot) -> dict[str, str]:
    """Phase -> its note, for the phases that hold runs."""
    study, there = snapshot.study, {row.phase for row in snapshot.runs}
    bodies = {"pilot": _pilot(snapshot), "confirm": _confirm(snapshot), "ablation": _ablation(snapshot)}
    for stage, line in zip(study.definition.stages, snapshot.stages, strict=True):
        told = _stage(snapshot, stage, line)
        bodies[line.name] = f"{told}\n\n*Here:* the screen: every value once, on one split; the hopeless are pruned."
        bodies[f"{line.name}/finals"] = (
            f"{told}\n\n*Here:* the finals: the value held before and the best challengers on fresh shared replicates."
        )
    end = f"\n\n[The whole study](/ceteris/{quote(study.name, safe='')}) · written by ceteris\n"
    return {phase: body + end for phase, body in bodies.items() if phase in there}


def _stage(snapshot: Snapshot, stage: Stage, line: StageLine) -> str:
    asked = " and ".join(WORDS.get(field, field.replace("_", " ")) for field in stage.asks)
    began = read_recipe(line.screen[0].recipe) if line.screen else snapshot.study.definition.baseline
    lines = [f"## {shown(line.name)}: which {shown(asked)}?", "", f"**{shown(verdict_sentence(line))}**", ""]
    lines.append(f"- *scientific* (asked about): {shown(', '.join(stage.asks))}")
    if stage.nuisance:
        times = ", ".join(f"{factor:.2g}" for factor in stage.nuisance.times)
        lines.append(f"- *nuisance* (re-tuned for every value): {stage.nuisance.field} × {times}")
    lines.append(f"- *fixed*: {shown(_recipe_words(began, stage.declared))}")
    return "\n".join([*lines, "", *_values(values_of(stage, line))])


def _values(values: Sequence[Value]) -> list[str]:
    """One row for every value that has been tried, best first."""
    header = ("value", "screen", "ended", "fresh replicates", "mean ± 95 %", "gain in points (95 %)")
    ordered = sorted(values, key=lambda v: (v.scores.mean is None, -(v.scores.mean or 0.0), -(v.scores.screen or 0.0)))
    rows = [_row(value) for value in ordered]
    return [*table([header, *rows], right=(1,)), "", f"*{LEGEND}*"] if rows else ["no run has begun yet"]


def _row(value: Value) -> tuple[str, ...]:
    scores, gain = value.scores, value.gain
    marks = [word for word, holds in (("held before", scores.incumbent), ("carried on", scores.winner)) if holds]
    half = f" ± {scores.half_width:.4f}" if scores.half_width is not None else ""
    return (
        scores.label + (f" ({', '.join(marks)})" if marks else ""),
        f"{scores.screen:.4f}" if scores.screen is not None else "",
        ", ".join(f"{count} {stop}" for stop, count in value.stops.items() if count),
        str(len(scores.replicates) or ""),
        f"{scores.mean:.4f}{half}" if scores.mean is not None else "",
        f"{100 * gain.mean:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})" if gain else "",
    )


def _pilot(snapshot: Snapshot) -> str:
    rules = snapshot.rules
    lines = [
        "## pilot: how large is no difference?",
        "",
        f"**{shown(rules.words if rules else 'not measured yet')}**",
        "",
        "The baseline under several seeds on one split: *delta* is within a curve, *noise* between two runs.",
        "",
        f"- *fixed*: {shown(_recipe_words(snapshot.study.definition.baseline))}",
    ]
    if rules and rules.pilot_scores:
        lines.append(f"- scores: {', '.join(f'{score:.4f}' for score in rules.pilot_scores)}")
    return "\n".join(lines)


def _confirm(snapshot: Snapshot) -> str:
    """The end of the answer, line by line."""
    told = answer_lines(snapshot)
    start = next((n for n, line in enumerate(told) if line.startswith("Answer:")), len(told) - 1)
    lines = ["## confirm: does it hold on fresh replicates?", "", f"**{shown(told[start])}**", ""]
    return "\n".join([*lines, *(f"- {shown(line)}" for line in told[start + 1 :])])


def _ablation(snapshot: Snapshot) -> str:
    told = ablation_lines(snapshot.ablation) or ["not finished yet"]
    lines = ["## ablation: what is lost when one winner is put back?", "", *(f"- {shown(line)}" for line in told)]
    return "\n".join(lines)


def trial_note(study: Study, row: RunRow) -> str:
    """What one trial was and how it ended; short enough for one part of a note."""
    of = Replicate.numbered(row.replicate, study.definition.folds)
    changed = read_recipe(row.recipe).differences(study.definition.baseline)
    unended = {"RUNNING": f"running, {row.epochs} epochs so far", "WAITING": "waits for a worker"}
    lines = [
        f"**{shown(row.label)}** ({shown(row.role)}): {shown(row.reason or unended.get(row.state, row.state))}",
        "",
    ]
    if row.state in ENDED and row.best_score is not None:
        lines.append(f"- best validation score {row.best_score:.4f}, at epoch {row.best_epoch}")
    if row.last_score is not None and row.stop in WELL:
        lines.append(f"- {row.last_score:.4f} after the decay, which is what counts in finals and confirm")
    if row.test_score is not None:
        lines.append(f"- {row.test_score:.4f} on the test part")
    lines.append(
        f"- replicate {row.replicate}: fold {of.fold + 1} of {of.folds} of split {of.split_seed}, seed {of.seed}"
    )
    if row.reused:
        lines.append("- trained in another stage, and used here again")
    if row.attempt > 1:
        lines.append(f"- attempt {row.attempt}: an earlier worker was lost, another went on from its checkpoint")
    words = [f"{field} {now} (was {before})" for field, (now, before) in changed.items()]
    lines.append(f"- differs from the baseline in {shown(', '.join(words[:8]) or 'nothing')}")
    return "\n".join(lines)[:LONGEST_TRIAL_NOTE]


def _recipe_words(recipe: Recipe, but: Sequence[str] = ()) -> str:
    fields = [field for field in SHOWN if field not in but]
    named = {"backbone": recipe.backbone_name, "optimizer": recipe.optimizer.kind}
    return ", ".join(f"{field} {named.get(field) or label(getattr(recipe, field))}" for field in fields)

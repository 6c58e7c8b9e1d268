"""What the dashboard shows beside Optuna's rows: a note for every trial and the list of its artifacts, made on looking.

Nothing of it stands in the database. A study is read again when its summary has changed, or while it is worked on.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.artifacts import ArtifactMeta

from search.edge import UserError
from search.notes import trial_note
from search.study import Study
from storage.notes import note_attrs
from storage.rows import RunRow, StudySummary
from storage.store import Store

SECONDS = 2.0  # for which what was read is good
KINDS = {"1": "learning-curve.png", "2": "confusion-matrix.png", "3": "worst-mistakes.png"}
WITH_ANSWERS = ("2", "3")


@dataclass(frozen=True)
class Part:
    """One study as it was read."""

    summary: StudySummary
    study: Study
    notes: Mapping[str, Mapping[str, Any]]  # Optuna study -> attributes
    rows: Mapping[int, RunRow]  # trial shown -> its run
    answered: frozenset[int]  # trials (of cells) whose validation answers are kept


class Showing:
    """Safe for several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._parts: dict[int, Part] = {}
        self._read_at = float("-inf")

    def notes(self, optuna_study: str) -> Mapping[str, Any]:
        return next((part.notes[optuna_study] for part in self._fresh() if optuna_study in part.notes), {})

    def artifacts(self, trial_id: int) -> Iterable[ArtifactMeta]:
        for part in self._fresh():
            row = part.rows.get(trial_id)
            if row is not None and row.epochs:
                for kind, name in KINDS.items():
                    if kind not in WITH_ANSWERS or row.trial_id in part.answered:
                        key = f"{part.study.study_id:x}-{trial_id:x}-{kind}"
                        yield ArtifactMeta(key, name, "image/png", None)

    def find(self, artifact_id: str) -> tuple[Part, RunRow, str] | None:
        """The study, the run and the kind of an artifact that `artifacts` has named; None for any other id."""
        study_id, _, rest = artifact_id.partition("-")
        trial_id, _, kind = rest.partition("-")
        for part in self._fresh():
            try:
                row = part.rows.get(int(trial_id, 16)) if part.study.study_id == int(study_id, 16) else None
            except ValueError:
                return None
            if row is not None and kind in KINDS:
                return part, row, kind
        return None

    def _fresh(self) -> list[Part]:
        with self._lock:
            if time.monotonic() - self._read_at > SECONDS:
                there = {summary.study_id: summary for summary in self.store.studies()}
                self._parts = {key: part for key, part in self._parts.items() if key in there}
                for key, summary in there.items():
                    before = self._parts.get(key)
                    if before is None or summary.live_leases or summary != before.summary:
                        part = read(self.store, summary)
                        if part is not None:
                            self._parts[key] = part
                self._read_at = time.monotonic()
            return list(self._parts.values())


def read(store: Store, summary: StudySummary) -> Part | None:
    """None for a study of another release, which is shown as Optuna has it."""
    manifest = store.manifest(summary.name)
    if manifest is None:
        return None
    try:
        study = Study.of(store, manifest)
    except UserError:
        return None
    rows = {row.shown_trial: row for row in store.runs(study.study_id) if row.shown_trial is not None}
    notes: dict[str, dict[str, Any]] = {}
    for trial_id, row in rows.items():
        attrs = note_attrs(trial_note(study, row), 1, trial_id)
        notes.setdefault(f"{study.name}/{row.phase}", {}).update(attrs)
    return Part(summary, study, notes, rows, frozenset(answered_trials(study)))


def answered_trials(study: Study) -> set[int]:
    """The trials whose validation answers are kept."""
    return {row.trial_id for row in study.store.blobs(study.study_id) if row.kind == "validation"}

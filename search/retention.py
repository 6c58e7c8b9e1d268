"""Which weights of ended trials are kept: the best few of each phase, all that are for use.

It is a function of the rows of the study, so every worker comes to the same, and only trials that have ended are ever
looked at: what a live worker may need, of its own trial or of one that waits to go on, is never touched.
"""

from collections.abc import Sequence

from search.phases import Kind, Phase, kind_of
from search.study import Study
from storage.checkpoints import Checkpoints
from storage.rows import RunRow

KEPT_PER_PHASE = 3
FOR_USE = ("confirm", "retrain")  # all of these


def superfluous(phase: Phase, rows: Sequence[RunRow]) -> list[RunRow]:
    """The ended runs of `phase` whose weights may go: those behind the best three by the phase's own score."""
    return _behind_best(phase.kind, rows)


def among_best(phase: Phase, rows: Sequence[RunRow], score: float) -> bool:
    """Whether the weights of a run that ends with `score` would be kept, next to the `rows` of its phase."""
    if phase.kind in FOR_USE:
        return True
    ended = [row for row in rows if _has_weights(row)]
    return sum(_score(phase.kind, row) >= score for row in ended) < KEPT_PER_PHASE


def drop_weights(study: str, rows: Sequence[RunRow], checkpoints: Checkpoints) -> None:
    """Delete the weights of `rows` where this host holds them. They are looked for at once: a bucket is far away."""
    here = checkpoints.trials(study) if rows else set()
    for row in rows:
        if row.trial_id in here:
            checkpoints.prune(row.trial_id, keep=0, study=study)


def collect(study: Study, checkpoints: Checkpoints, in_database: bool = False) -> None:
    """Delete what nobody needs any more, whoever left it: checkpoints to go on from of trials that have ended, and
    weights behind the best of each phase.
    """
    rows = study.store.runs(study.study_id)
    mine = [row for row in rows if not row.reused]
    here = checkpoints.trials(study.name)
    for row in mine:
        if row.trial_id in here and row.state in ("COMPLETE", "PRUNED", "FAIL"):
            checkpoints.prune(row.trial_id, keep=0, study=study.name, kind="resume")
    gone = _behind_best_of_phases(mine)
    drop_weights(study.name, gone, checkpoints)
    if in_database and gone:
        study.store.drop_blobs([row.trial_id for row in gone], "weights")


def kept_rows(rows: Sequence[RunRow]) -> list[RunRow]:
    """Of the runs of a study those whose weights are kept, in their order."""
    gone = {row.trial_id for row in _behind_best_of_phases(rows)}
    return [row for row in rows if _has_weights(row) and row.trial_id not in gone]


def _behind_best_of_phases(rows: Sequence[RunRow]) -> list[RunRow]:
    by_phase: dict[str, list[RunRow]] = {}
    for row in rows:
        by_phase.setdefault(row.phase, []).append(row)
    return [row for phase, of_phase in by_phase.items() for row in _behind_best(kind_of(phase), of_phase)]


def _behind_best(kind: Kind, rows: Sequence[RunRow]) -> list[RunRow]:
    if kind in FOR_USE:
        return []
    best = sorted((row for row in rows if _has_weights(row)), key=lambda row: -_score(kind, row))
    return best[KEPT_PER_PHASE:]


def _has_weights(row: RunRow) -> bool:
    return row.state == "COMPLETE" and row.stop != "diverged" and not row.reused


def _score(kind: Kind, row: RunRow) -> float:
    return (row.best_score if kind == "screen" else row.last_score) or 0.0

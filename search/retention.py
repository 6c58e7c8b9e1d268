"""Which weights of ended trials stay on disk: the best few of each screen and final, all that were confirmed."""

from collections.abc import Sequence

from search.phases import Phase
from storage.checkpoints import CheckpointFolder
from storage.rows import RunRow

KEPT_PER_PHASE = 3


def superfluous(phase: Phase, rows: Sequence[RunRow]) -> list[RunRow]:
    """The ended runs of `phase` whose weights may go: those behind the best three by the phase's own score."""
    if phase.kind == "confirm":
        return []
    ended = [row for row in rows if row.state == "COMPLETE" and row.stop != "diverged" and not row.reused]
    best = sorted(ended, key=lambda row: -((row.best_score if phase.ranks_by_best_epoch else row.last_score) or 0.0))
    return best[KEPT_PER_PHASE:]


def drop_weights(study: str, rows: Sequence[RunRow], checkpoints: CheckpointFolder) -> None:
    """Delete the weights of `rows` where this host holds them."""
    for row in rows:
        checkpoints.prune(row.trial_id, keep=0, study=study)

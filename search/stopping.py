"""The end of a screen before all its cells are run: no rise above noise for a while."""

import math
from collections.abc import Sequence

from search.phases import Phase
from search.study import Study
from storage.rows import RunRow


def no_rise(scores: Sequence[float], noise: float, patience: int) -> bool:
    """Whether the best of `scores` (in trial order) has not risen by more than `noise` for `patience` trials."""
    reference, since = -math.inf, 0
    for score in scores:
        if score > reference + noise:
            reference, since = score, 0
        else:
            since += 1
    return since >= patience


def why_ended(study: Study, screen: Phase) -> str:
    """Why the search of a stage is over, in words."""
    state = next(each for each in study.store.phases(study.study_id) if each.phase == screen.name)
    if state.closed is not None:
        return state.closed
    if state.used < len(screen.runs):
        return f"the budget of {state.allowed} trials was spent, of {len(screen.runs)} that the domain holds"
    return f"all {len(screen.runs)} trials of the domain were run"


def stop_screen(study: Study, phase: Phase, rows: Sequence[RunRow]) -> bool:
    """Close the screen for the whole fleet when `stage_patience` says so, never before every value had one trial."""
    patience = study.definition.budgets.stage_patience
    if patience is None:
        return False
    if {row.label for row in rows} != {planned.candidate.label for planned in phase.runs}:
        return False
    finished = sorted((row for row in rows if row.state in ("COMPLETE", "PRUNED")), key=lambda row: row.number)
    noise = study.settled_rules().noise
    if not no_rise([row.best_score or 0.0 for row in finished], noise, patience):
        return False
    study.store.close_phase(study.study_id, phase.name, f"no rise above {noise:g} in {patience} finished trials")
    return True

"""A study that was given a time: what is begun and what is left out, so that an answer is there when it is over.

What is left out is closed in the database, by whoever finds out first: the whole fleet goes the same way.
"""

import math
import statistics

from search.phases import Phase
from search.study import ENDED, Study

SLACK = 1.15  # runs take longer than the pilot's: other work on the machine, larger losses and augmentations
FOR_CONFIRM = 1 / 3  # of the whole time at most


def ended(study: Study, phase: str) -> bool:
    """Whether time, and nothing else, ended a phase."""
    if study.resolved.hours is None:
        return False
    return any(each.phase == phase and each.closed == ENDED for each in study.store.phases(study.study_id))


def end_in_time(study: Study, phase: Phase) -> bool:
    """Close `phase` when another run of it would take the time of what has to come after it; whether it was closed.

    Before the first run of the pilot is over nothing is known of the pace, and nothing is closed.
    """
    if study.deadline is None or phase.beyond or phase.kind == "pilot" or (seconds := run_seconds(study)) is None:
        return False
    if study.deadline - study.store.now() >= seconds + _kept_for_later(study, phase, seconds):
        return False
    study.store.close_phase(study.study_id, phase.name, ENDED)
    return True


def run_seconds(study: Study) -> float | None:
    """What a run with all its epochs takes: by the median of the pilot's; None before the first."""
    rows = [row.seconds for row in study.store.runs(study.study_id, "pilot") if row.state == "COMPLETE"]
    return SLACK * statistics.median(rows) if rows else None


def _kept_for_later(study: Study, phase: Phase, seconds: float) -> float:
    """The confirmation has its time, and no more than a third. What an even share of the rest would be, is kept by half
    for every later stage, and by half at most for the finals of this one: what comes first may have more."""
    if study.headline(study.depth) is not None or phase.kind == "confirm":
        return 0.0
    definition, quick = study.definition, study.depth == "quick"
    workers = max(1, sum(worker.left_at is None for worker in study.store.workers(study.study_id)))
    whole = 3600 * (study.resolved.hours or 0.0)

    def lasting(runs: int) -> float:
        return math.ceil(runs / workers) * seconds

    confirm = min(lasting(2 * (1 if quick else definition.budgets.confirm)), whole * FOR_CONFIRM)
    if phase.kind != "screen":
        return confirm
    share = (whole - confirm) / len(definition.stages)
    later = [definition.phase_name(stage) for stage in reversed(definition.stages)].index(phase.name)
    finals = lasting((1 + definition.budgets.finalists) * (1 if quick else definition.budgets.finals))
    return confirm + later * share / 2 + min(finals, share / 2)

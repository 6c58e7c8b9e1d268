"""A study's life, read top to bottom: pilot, then for each stage screen, finals and verdict, then confirm, then claims.

Every step is a function of rows in the database, and every conclusion is an insert-once row: any number of workers walk
through the same life, and one that joins late walks quickly through what is already decided.
"""

from collections.abc import Iterator

from search import claims, conclusions, phases
from search.candidates import Candidate
from search.phases import Phase
from search.study import Study
from spaces.stage import Stage


def life(study: Study, worker: str) -> Iterator[Phase]:
    """Yield each phase that is not concluded; the caller works on it until it is done, then asks for the next."""
    definition = study.definition
    if study.rules() is None:
        yield phases.pilot(definition)
        conclusions.settle_rules(study, worker)

    baseline = phases.with_plateau(definition, study.settled_rules().delta)
    incumbent, anchor = baseline, baseline.lr
    for stage in definition.stages:
        if study.verdict(stage) is None:
            screen = phases.screen(definition, stage, incumbent, anchor)
            yield screen
            finalists = conclusions.finalists(study, screen, stage)
            yield phases.finals(definition, stage, finalists)
            if definition.decide == "strict":
                yield from _claim(study, stage, finalists, worker)
            conclusions.decide(study, stage, screen, finalists, worker)
        incumbent = study.carried(stage)
        anchor = incumbent.lr if "lr" in stage.asks else anchor

    if study.headline() is None:
        yield phases.confirm(definition, baseline, incumbent)
        conclusions.settle_headline(study, worker)
    conclusions.settle_test_report(study, worker)

    if definition.budgets.beyond_finals:  # in order: each goes on with the noise that the ones before have measured
        for stage, finalists in claims.decided(study):
            yield from _claim(study, stage, finalists, worker)


def _claim(study: Study, stage: Stage, finalists: tuple[Candidate, ...], worker: str) -> Iterator[Phase]:
    """Common replicates, one after the other, until the test of the stage is over and written down."""
    asked: set[tuple[str, int]] = set()
    while study.claim(stage) is None:
        pursuit = claims.pursuit_of(study, stage, finalists)
        phase = claims.next_replicate(study, pursuit)
        if phase is None or asked.issuperset(planned.cell for planned in phase.runs):
            claims.settle(study, pursuit, worker)  # over, or no run can be added (a budget of an earlier release)
        else:
            asked |= {planned.cell for planned in phase.runs}
            yield phase

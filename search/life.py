"""A study's life, read top to bottom: pilot, then for each stage screen, finals and verdict, then confirm, then claims.

Every step is a function of rows in the database, and every conclusion is an insert-once row: any number of workers walk
through the same life, and one that joins late walks quickly through what is already decided.
"""

from collections.abc import Iterator

from search import ablation, claims, conclusions, phases, retraining
from search.candidates import Candidate
from search.phases import Phase
from search.study import Depth, Study, at_depth
from spaces.stage import Stage
from trainer.recipe import Recipe


def life(study: Study, worker: str) -> Iterator[Phase]:
    """Yield each phase that is not concluded; the caller works on it until it is done, then asks for the next."""
    definition = study.definition
    if study.rules() is None:
        yield phases.pilot(definition)
        conclusions.settle_rules(study, worker)

    if study.resolved.quick:
        yield from _pass(study, worker, "quick")
    if study.depth == "quick":
        yield from retraining.life(study, worker)
        return
    yield from _pass(study, worker, "full")
    conclusions.settle_test_report(study, worker)

    if definition.budgets.beyond_finals:  # in order: each goes on with the noise that the ones before have measured
        for stage, finalists in claims.decided(study):
            yield from _claim(study, stage, finalists, worker)
    if study.wants_ablation and study.ablation() is None:
        if (phase := ablation.phase_of(study)) is not None:
            yield phase
        ablation.settle(study, worker)
    yield from retraining.life(study, worker)


def _pass(study: Study, worker: str, depth: Depth) -> Iterator[Phase]:
    """All stages and the confirmation, on as many replicates as `depth` says."""
    definition = study.definition
    baseline = phases.with_plateau(definition, study.settled_rules().delta)
    replicates = 1 if depth == "quick" else definition.budgets.finals
    incumbent, anchor = baseline, baseline.lr
    for stage in definition.stages:
        if study.verdict(stage, depth) is None:
            screen = phases.screen(definition, stage, incumbent, anchor)
            _set_aside(study, depth, stage, incumbent, anchor)
            yield screen
            finalists = conclusions.finalists(study, screen, stage)
            if len(finalists) > 1:
                yield phases.finals(definition, stage, finalists, count=replicates)
            if definition.decide == "strict" and depth == "full":
                yield from _claim(study, stage, finalists, worker)
            conclusions.decide(study, stage, screen, finalists, worker, depth)
        incumbent = study.carried(stage, depth)
        anchor = incumbent.lr if "lr" in stage.asks else anchor

    if study.headline(depth) is None:
        _set_aside(study, depth, None, incumbent, anchor)
        yield phases.confirm(definition, baseline, incumbent, None if depth == "full" else 1)
        conclusions.settle_headline(study, worker, depth)


def _set_aside(study: Study, depth: Depth, stage: Stage | None, incumbent: Recipe, anchor: float) -> None:
    """Make room for the phases of a stage (or of the confirmation) where the quick pass came to it with another recipe.

    What was trained there keeps its cells, so none of it is trained again if it is asked for.
    """
    if depth == "quick" or not study.resolved.quick:
        return
    if (incumbent, anchor) != _brought_to(study, stage):
        name = "confirm" if stage is None else study.definition.phase_name(stage)
        aside = at_depth(name, "quick")
        study.store.set_aside(study.study_id, name, aside, {f"{name}/finals": f"{aside}/finals"})


def _brought_to(study: Study, until: Stage | None) -> tuple[Recipe, float]:
    """The recipe, and the anchor of nuisances, with which the quick pass came to a stage, or to its confirmation."""
    recipe = phases.with_plateau(study.definition, study.settled_rules().delta)
    anchor = recipe.lr
    for stage in study.definition.stages:
        if stage == until:
            break
        recipe = study.carried(stage, "quick")
        anchor = recipe.lr if "lr" in stage.asks else anchor
    return recipe, anchor


def _claim(study: Study, stage: Stage, finalists: tuple[Candidate, ...], worker: str) -> Iterator[Phase]:
    """Common replicates, one after the other, until the test of the stage is over and written down."""
    asked: set[tuple[str, int]] = set()
    while study.claim(stage) is None:
        pursuit = claims.pursuit_of(study, stage, finalists)
        phase = claims.next_replicate(study, pursuit)
        if phase is None or asked.issuperset(planned.cell for planned in phase.runs):
            claims.settle(study, pursuit, worker)  # over, or no run can be added (a budget, no time)
        else:
            asked |= {planned.cell for planned in phase.runs}
            yield phase

"""What a reader must know of a stage's winner before building on it."""

from collections.abc import Iterator

from search.candidates import Candidate
from search.phases import Phase
from search.study import Study
from spaces.stage import Stage, is_range

FEW_GROUPS = 20
CALIBRATED = 8, 3  # claims and finals of the simulation (docs/verdicts.md)


def cautions(study: Study, stage: Stage, screen: Phase, winner: Candidate, incumbent: Candidate) -> Iterator[str]:
    """What a reader must know of a stage before building on its winner."""
    name, factor = study.definition.phase_name(stage), stage.factor
    value = getattr(winner.recipe, factor)
    if is_range(stage) and isinstance(value, (int, float)):
        tried = sorted({float(getattr(planned.candidate.recipe, factor)) for planned in screen.runs})
        for edge, end, further in ((tried[0], "low", value / 4), (tried[-1], "high", value * 4)):
            if value == edge and len(tried) > 1:
                yield (
                    f"{name}: {winner.label} is the {end}est value of its range, a better one may lie beyond; look "
                    f"there with: python -m search.fork {study.name} --as {study.name}_wider --set "
                    f"stages.{stage.name}.domain.{end}={further:g}"
                )
    if stage.nuisance and winner.label != incumbent.label:
        field = stage.nuisance.field
        mine, before = getattr(winner.recipe, field), getattr(incumbent.recipe, field)
        if mine != before:
            yield (
                f"{name}: {winner.label} wants {field} {mine:g} where {incumbent.label} had {before:g}: the two "
                f"factors interact, and part of the gain may be the {field}'s"
            )
    budgets = study.definition.budgets
    if budgets.beyond_finals and (budgets.claims, budgets.finals) != CALIBRATED:
        yield (
            f"{name}: that a claim errs in 1 stage of 20 was simulated for finals {CALIBRATED[1]} and claims "
            f"{CALIBRATED[0]}, not for {budgets.finals} and {budgets.claims}"
        )
    kinds = sorted(_kinds(study, f"{name}/finals"))
    if len(kinds) > 1:
        told = " and ".join(kinds)
        yield f"{name}: its finals ran on {told}: scores agree between devices within noise, not to the bit"
    groups = study.resolved.data.groups
    if groups is not None and groups < FEW_GROUPS:
        yield f"{name}: the data have {groups} groups only: another draw of persons or objects could turn this around"


def _kinds(study: Study, phase: str) -> set[str]:
    """The kinds of device that trained the runs of a phase: cpu, cuda."""
    trials = {row.trial_id for row in study.store.runs(study.study_id, phase)}
    return {row.device.partition(":")[0] for row in study.store.attempts(study.study_id) if row.trial_id in trials}

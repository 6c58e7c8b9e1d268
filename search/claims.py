"""What a stage may claim: the sequential test on the common replicates of its finalists, stage after stage."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search import conclusions, phases
from search.candidates import Candidate
from search.phases import Phase
from search.records import Claim, Gain, as_json
from search.sequential import NOTHING, Noise, Standing, could_miss, stand
from search.study import Study
from spaces.stage import Stage
from storage.rows import RunRow


@dataclass(frozen=True)
class Pursuit:
    """The test of a decided stage as its rows have it."""

    stage: Stage
    finalists: tuple[Candidate, ...]  # incumbent first
    standing: Standing
    dropped: dict[str, str]  # label -> why it takes no part


def pursuit_of(study: Study, stage: Stage, finalists: tuple[Candidate, ...]) -> Pursuit:
    """The test of a stage on the rows of its finals, incumbent first among `finalists`."""
    rows = study.store.runs(study.study_id, f"{study.definition.phase_name(stage)}/finals")
    return pursuit_on(rows, study, stage, finalists)


def decided(study: Study) -> Iterator[tuple[Stage, tuple[Candidate, ...]]]:
    """The stages that have a verdict, each with its finalists, incumbent first."""
    definition, rules = study.definition, study.rules()
    if rules is None:
        return
    incumbent = phases.with_plateau(definition, rules.delta)
    anchor = incumbent.lr
    for stage in definition.stages:
        if study.verdict(stage) is None:
            return
        screen = phases.screen(definition, stage, incumbent, anchor)
        yield stage, conclusions.finalists(study, screen, stage)
        incumbent = study.carried(stage)
        anchor = incumbent.lr if "lr" in stage.asks else anchor


def next_replicate(study: Study, pursuit: Pursuit) -> Phase | None:
    """The runs of the next common replicate of those still in the test; None when it is over."""
    if pursuit.standing.outcome != "open" or study.claim(pursuit.stage) is not None:
        return None
    after, active = pursuit.standing.seen, pursuit.standing.active
    return phases.finals(study.definition, pursuit.stage, pursuit.finalists, after=after, count=1, active=active)


def wanted(study: Study) -> Iterator[Phase]:
    """Of every decided stage whose claim is open, its next common replicate."""
    if study.definition.budgets.beyond_finals:
        for stage, finalists in decided(study):
            if (phase := next_replicate(study, pursuit_of(study, stage, finalists))) is not None:
                yield phase


def settle(study: Study, pursuit: Pursuit, worker: str) -> Claim:
    """Write the outcome of a test down: one row, whoever writes it first."""
    best, standing = pursuit.standing.best, pursuit.standing
    floor = _floor(study)
    missed = could_miss(standing.noise, best.replicates, floor) if best else math.inf
    claim = Claim(
        outcome="unfinished" if standing.outcome == "open" else standing.outcome,
        incumbent=pursuit.finalists[0].label,
        value=best.label if best else None,
        gain=Gain(mean=best.gain, low=best.low, high=best.high) if best else None,
        replicates=best.replicates if best else 0,
        p=best.p if best else None,
        level=best.level if best else None,
        squares=standing.noise.squares,
        freedom=standing.noise.freedom,
        could_miss=missed if math.isfinite(missed) else None,
        dropped=pursuit.dropped,
    )
    key = f"claim/{study.definition.phase_name(pursuit.stage)}"
    return Claim.model_validate(study.store.measure_once(study.study_id, key, as_json(claim), worker))


def pursuit_on(rows: Sequence[RunRow], study: Study, stage: Stage, finalists: tuple[Candidate, ...]) -> Pursuit:
    """On these rows. It goes on with the noise that the settled tests of earlier stages have measured."""
    definition, carried = study.definition, NOTHING
    for before in definition.stages[: definition.stages.index(stage)]:
        if (settled := study.claim(before)) is not None:
            carried = Noise(settled.squares, settled.freedom)
    first = phases.first_final(definition)
    replicates = range(first, first + definition.budgets.claims)
    scores: dict[str, dict[int, float]] = {}
    lost: dict[str, dict[int, str]] = {}
    for candidate in finalists:
        mine = {row.replicate: row for row in rows if row.signature == candidate.recipe.signature}
        lost[candidate.label] = {n: f"{row.stop} on replicate {n}" for n, row in mine.items() if _lost(row)}
        counting = {n: row.last_score for n, row in mine.items() if conclusions.ended_well(row)}
        scores[candidate.label] = {n: score for n, score in counting.items() if score is not None}
    if len(scores) < 2:
        return Pursuit(stage, finalists, Standing("dropped", None, (finalists[0].label,), 0, carried, ()), {})
    most = definition.budgets.claims
    standing = stand(scores, finalists[0].label, replicates, lost=lost, carried=carried, floor=_floor(study), most=most)
    dropped = {label: lost[label][min(lost[label])] for label in standing.lost}
    return Pursuit(stage, finalists, standing, dropped)


def _lost(row: RunRow) -> bool:
    return row.state == "FAIL" or (row.state == "COMPLETE" and not conclusions.ended_well(row))


def _floor(study: Study) -> float:
    """One validation image's worth of score."""
    return 1 / study.resolved.data.validation_images(study.definition.folds)

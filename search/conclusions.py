"""What a phase concludes from its rows, written once for the whole fleet."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from search import deadline, held_out, phases, verdict
from search.candidates import Candidate, undeclared_differences
from search.cautions import cautions
from search.headline import gain_of, headline_of
from search.phases import Phase
from search.records import Claim, Headline, Rules, as_json
from search.stopping import why_ended
from search.study import Depth, Study, at_depth
from search.verdict import Contender
from spaces.stage import Stage
from storage.rows import RunRow, Verdict


def settle_rules(study: Study, worker: str) -> Rules:
    """delta and noise from the pilot; a number given by hand stands.

    With fewer than two good pilot runs (a baseline that diverges) nothing was measured: the definition's own numbers
    are taken, and `measured` says so.
    """
    definition, images = study.definition, study.resolved.data.validation_images(study.definition.folds)
    rows = [row for row in study.store.runs(study.study_id, "pilot") if ended_well(row)]
    good = {row.number for row in rows}
    curves = {n: curve for n, curve in study.store.curves(study.study_id, "pilot").items() if n in good}
    constant = [[epoch.score for epoch in curve if epoch.phase == "constant"] for curve in curves.values()]
    scores = tuple(row.last_score for row in rows if row.last_score is not None)
    measured = len(scores) >= 2
    auto = set(definition.auto) if measured else set()
    delta = verdict.sized(verdict.oscillation(constant), images=images, ceiling=verdict.DELTA_CEILING)
    noise = verdict.sized(verdict.spread(scores), images=images, ceiling=verdict.NOISE_CEILING)
    rules = Rules(
        delta=delta if "delta" in auto else definition.delta,
        noise=noise if "noise" in auto else definition.noise,
        pilot_scores=scores,
        measured=measured,
    )
    return Rules.model_validate(study.store.measure_once(study.study_id, "rules", as_json(rules), worker))


def finalists(study: Study, screen: Phase, stage: Stage) -> tuple[Candidate, ...]:
    """The incumbent as carried, then the best challengers: distinct scientific values, each with its best nuisance."""
    by_signature = {planned.candidate.recipe.signature: planned.candidate for planned in screen.runs}
    incumbent = screen.runs[0].candidate
    rows = [row for row in study.store.runs(study.study_id, screen.name) if ended_well(row)]
    ranked = sorted(rows, key=lambda row: (-(row.best_score or 0.0), row.number))
    chosen: dict[str, Candidate] = {}
    for row in ranked:
        candidate = by_signature.get(row.signature)
        if candidate is not None and candidate.label != incumbent.label:
            chosen.setdefault(candidate.label, candidate)
    picked = (incumbent, *list(chosen.values())[: study.definition.budgets.finalists])
    for candidate in picked:
        undeclared = undeclared_differences(stage, candidate.recipe, incumbent.recipe)
        if undeclared:
            raise RuntimeError(
                f"{screen.name}: {candidate.label} differs from the incumbent in {', '.join(undeclared)}"
            )
    return picked


def decide(
    study: Study, stage: Stage, screen: Phase, contestants: Sequence[Candidate], worker: str, depth: Depth = "full"
) -> Verdict:
    """The verdict of a stage: one row, whoever writes it first. Where one replicate decides, all is *leaning*."""
    name = study.definition.phase_name(stage)
    rows = study.store.runs(study.study_id, f"{name}/finals")
    replicates = _deciding(study, f"{name}/finals", rows, contestants, depth)
    contenders = [_contender(candidate, rows, replicates, candidate is contestants[0]) for candidate in contestants]
    if study.definition.decide == "strict" and depth == "full":
        contenders = _only_claimed(contenders, study.claim(stage))
    choice = verdict.choose(contenders, replicates, study.definition.min_gain)
    winner = contestants[0]
    if choice is not None:
        winner = next(candidate for candidate in contestants if candidate.label == choice.label)
    evidence = {
        "warnings": list(cautions(study, stage, screen, winner, contestants[0])),
        "search_ended": why_ended(study, screen),
        "quick": depth == "quick",
        "cost": _cost([*study.store.runs(study.study_id, name), *rows]),
        "replicates": list(replicates),
        "incumbent": contestants[0].label,
        "mean": choice.mean if choice else None,
        "gain": choice.gain if choice and math.isfinite(choice.gain) else None,
        "noise": study.settled_rules().noise,
        "contenders": [
            {
                "label": c.label,
                "scores": {str(number): score for number, score in c.scores.items()},
                **_paired(c, contenders[0]),
                "dropped": c.dropped,
                "differs": {k: list(v) for k, v in candidate.recipe.differences(contestants[0].recipe).items()},
            }
            for c, candidate in zip(contenders, contestants, strict=True)
        ],
    }
    outcome = choice.outcome if choice else "tie"
    if depth == "quick":
        outcome = "leaning"
    row = Verdict(outcome, winner.label, winner.recipe.canonical(), evidence, worker)
    return study.store.decide_once(study.study_id, at_depth(name, depth), row)


def _paired(contender: Contender, incumbent: Contender) -> dict[str, Any]:
    """A challenger's lead over the incumbent, replicate by replicate, with an ordinary paired t interval."""
    common = sorted(set(contender.scores) & set(incumbent.scores))
    if contender.is_incumbent or not common:
        return {"differences": {}, "interval": None}
    gain = gain_of([contender.scores[n] for n in common], [incumbent.scores[n] for n in common])
    return {
        "differences": {str(n): contender.scores[n] - incumbent.scores[n] for n in common},
        "interval": [gain.low, gain.high] if gain else None,
    }


def _cost(rows: Sequence[RunRow]) -> dict[str, int]:
    """What was trained for a stage: runs, and epochs; what earlier stages had trained is left out."""
    trained = [row for row in rows if not row.reused]
    return {"runs": len(trained), "epochs": sum(row.epochs for row in trained)}


def _deciding(
    study: Study, finals: str, rows: Sequence[RunRow], contestants: Sequence[Candidate], depth: Depth
) -> list[int]:
    """The replicates on which a stage is decided: later ones count for claims only. Where time ended the finals, those
    that every finalist has."""
    first = phases.first_final(study.definition)
    count = 1 if depth == "quick" else study.definition.budgets.finals
    found = sorted({row.replicate for row in rows if row.replicate < first + count})
    if not deadline.ended(study, finals):
        return found
    ran = [{row.replicate for row in rows if row.signature == each.recipe.signature} for each in contestants]
    return [replicate for replicate in found if all(replicate in mine for mine in ran)]


def _only_claimed(contenders: Sequence[Contender], claim: Claim | None) -> list[Contender]:
    """The incumbent, and the challenger that was claimed, if one was; the others stand aside."""
    claimed = claim.value if claim is not None and claim.outcome == "claimed" else None
    return [
        c if c.is_incumbent or c.label == claimed or c.dropped else replace(c, dropped="not claimed (decide strict)")
        for c in contenders
    ]


def settle_headline(study: Study, worker: str, depth: Depth = "full") -> Headline:
    """The headline of the study: one row, whoever writes it first."""
    rows = study.store.runs(study.study_id, "confirm")
    brief = depth == "quick" or deadline.ended(study, "confirm")
    final = study.carried(study.definition.stages[-1], depth).canonical()
    baseline = phases.with_plateau(study.definition, study.settled_rules().delta).canonical()
    headline = headline_of(rows, final if brief else None, alone=final == baseline)
    metric, by = study.definition.baseline.metric, {(row.label, row.replicate): row.trial_id for row in rows}
    pairs = [(by["final", n], by["baseline", n]) for n in headline.replicates if ("baseline", n) in by]
    answers = held_out.Answers.read(study, [trial for pair in pairs for trial in pair])
    if headline.test_gain is not None and answers is not None and metric in held_out.FROM_CLASSES:
        gain = held_out.crossed_gain(answers, metric, [mine for mine, _ in pairs], [theirs for _, theirs in pairs])
        headline = headline.model_copy(update={"test_gain": gain, "test_interval": "crossed bootstrap"})
    key = at_depth("headline", depth)
    return Headline.model_validate(study.store.measure_once(study.study_id, key, as_json(headline), worker))


def settle_test_report(study: Study, worker: str) -> None:
    """What the test part says of the recommended recipe: one row; none where answers are missing (diverged runs)."""
    headline = study.headline()
    if headline is None or study.test_report() is not None:
        return
    rows = [row for row in study.store.runs(study.study_id, "confirm") if row.recipe == headline.recipe]
    mine = [row for row in rows if row.replicate in headline.replicates and ended_well(row)]
    answers = held_out.Answers.read(study, [row.trial_id for row in mine]) if mine else None
    metric = study.definition.baseline.metric
    if answers is None or metric not in held_out.FROM_CLASSES:
        return
    validation = statistics.fmean(row.last_score or 0.0 for row in mine)
    trials = [row.trial_id for row in mine]
    told = held_out.report(answers, metric, trials, validation, study.settled_rules().noise)
    study.store.measure_once(study.study_id, "test/report", as_json(told), worker)


def _contender(candidate: Candidate, rows: Sequence[RunRow], replicates: Sequence[int], incumbent: bool) -> Contender:
    mine = {row.replicate: row for row in rows if row.signature == candidate.recipe.signature}
    scores = {n: row.last_score for n, row in mine.items() if ended_well(row) and row.last_score is not None}
    lost = [n for n in replicates if n not in scores]
    dropped = None
    if lost:
        stop = mine[lost[0]].stop if lost[0] in mine else "missing"
        dropped = f"{stop} on replicate {lost[0]}"
    return Contender(candidate.label, incumbent, scores, dropped)


def ended_well(row: RunRow) -> bool:
    """Whether its score counts."""
    return row.state == "COMPLETE" and row.stop in ("finished", "stalled")

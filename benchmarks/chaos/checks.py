"""What must hold after chaos, each thing derived again from what was left behind."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator

import optuna
from optuna.trial import TrialState

from benchmarks.chaos import takeovers
from benchmarks.chaos.check import Check
from benchmarks.chaos.crew import Crew
from benchmarks.chaos.faults import Faults
from search import phases, pruning
from search.study import Study
from storage.rows import RunRow
from trainer.replicate import Replicate
from trainer.run import Run

FEW_STRIKES = 20  # a short run may stand on a machine with other work, where no delay means anything
Alone = Callable[[RunRow, Replicate], Run]


def all_checks(study: Study, crew: Crew, faults: Faults, alone: Alone, sample: int) -> Iterator[Check]:
    """`alone` makes the run that nobody disturbs; `sample` curves are compared with it."""
    rows = study.store.runs(study.study_id)
    trained = [row for row in rows if not row.reused]
    yield from _counts(study, crew, rows, trained)
    yield from _curves(study, trained, alone, sample)
    yield from _prunes(study, crew)
    yield from takeovers.redone(study, crew, faults, trained)
    yield from takeovers.taken_over(
        study, crew, faults, judged=crew.job.kind == "sleeping" and faults.counts.total() > FEW_STRIKES
    )
    yield Check("faults that could not be struck", " ".join(faults.broken) or "0", not faults.broken)


def _counts(study: Study, crew: Crew, rows: list[RunRow], trained: list[RunRow]) -> Iterator[Check]:
    definition, carried = study.definition, phases.with_plateau(study.definition, study.settled_rules().delta)
    anchor = carried.lr
    for stage in definition.stages:
        screen = phases.screen(definition, stage, carried, anchor)
        mine = [row for row in rows if row.phase == screen.name]
        cells = {(row.signature, row.replicate) for row in mine}
        want = min(screen.allowed, len(screen.runs))
        exact = len(mine) == len(cells) == want
        yield Check(f"{screen.name}: trials", f"{len(mine)} of {want}, {len(cells)} cells", exact)
        shown = optuna.load_study(study_name=f"{study.name}/{screen.name}", storage=crew.job.url).trials
        numbers = [trial.number for trial in shown] == list(range(want))
        ended = all(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in shown)
        yield Check(f"{screen.name}: as Optuna shows it", f"{len(shown)} trials", numbers and ended)
        carried = study.carried(stage)
        anchor = carried.lr if "lr" in stage.asks else anchor
    states = Counter(row.state for row in trained)
    yield Check("FAIL rows", str(states["FAIL"]), not states["FAIL"])
    left = states["RUNNING"] + states["WAITING"]
    yield Check("RUNNING or WAITING at the end", str(left), not left)
    doubles = len(trained) - len({(row.signature, row.replicate) for row in trained})
    yield Check("double results", str(doubles), not doubles)
    files = [file for pattern in ("resume-*", ".*") for file in crew.job.checkpoints.rglob(pattern)]
    yield Check("checkpoints to go on from that were left, and half of ones", str(len(files)), not files)
    logs = [log.read_text(encoding="utf-8", errors="replace") for log in crew.logs]
    torn = sum("Traceback" in text for text in logs)
    yield Check("tracebacks of workers", f"{torn} in {len(logs)} logs", not torn)
    # Asked to leave before it could listen, and before it had joined.
    unborn = {pid for pid, code, _ in crew.ended if code == -15 and not any(f"-{pid}-" in text for text in logs)}
    odd = Counter(code for pid, code, _ in crew.ended if code not in (0, -9, 130) and pid not in unborn)
    yield Check("workers that ended oddly", str(dict(odd) or 0), not odd)


def _curves(study: Study, trained: list[RunRow], alone: Alone, sample: int) -> Iterator[Check]:
    lives = Counter(row.attempt for row in trained)
    curves = {
        phase.phase: study.store.curves(study.study_id, phase.phase) for phase in study.store.phases(study.study_id)
    }
    whole = all(
        [epoch.epoch for epoch in curves[row.phase].get(row.number, [])] == list(range(1, row.epochs + 1))
        for row in trained
    )
    yield Check("curves without gap or surplus", f"{len(trained)} curves", whole)
    # Those that were taken over most often first.
    chosen = sorted(trained, key=lambda row: (-row.attempt, row.trial_id))[:sample]
    differing = []
    for row in chosen:
        told = [epoch.score for epoch in curves[row.phase][row.number]]
        run = alone(row, Replicate.numbered(row.replicate, study.definition.folds))
        undisturbed = [epoch.score for epoch in itertools.islice(run, len(told))]
        if told != undisturbed or (row.stop != "pruned" and run.stop is None):
            differing.append(f"{row.phase} #{row.number}")
    disturbed = sum(row.attempt > 1 for row in chosen)
    words = f"{len(differing)} of {len(chosen)} ({disturbed} taken over) {' '.join(differing)}"
    yield Check("curves that differ from the run alone", words, not differing)
    yield Check("workers lost per trial", ", ".join(f"{n - 1}: {c}" for n, c in sorted(lives.items())), True)


def _prunes(study: Study, crew: Crew) -> Iterator[Check]:
    wrong, total = [], 0
    for stage in study.definition.stages:
        name = study.definition.phase_name(stage)
        curves = study.store.curves(study.study_id, name)
        for trial in optuna.load_study(study_name=f"{study.name}/{name}", storage=crew.job.url).trials:
            told = trial.user_attrs.get("rung")
            if told is None or "reused" in trial.user_attrs:
                continue
            total += 1
            epoch = told["epoch"]
            best = {number: _best(curve, epoch) for number, curve in curves.items()}
            rules = {name: told[name] for name in ("delta", "eta", "minimum")}
            again = pruning.judge(epoch, best[trial.number], told["company"], **rules)
            known = not Counter(told["company"]) - Counter(v for n, v in best.items() if n != trial.number)
            if again.evidence() != told | {"company": tuple(told["company"])} or not again.pruned or not known:
                wrong.append(f"{name} #{trial.number}")
    yield Check("prune decisions that cannot be derived again", f"{len(wrong)} of {total} {' '.join(wrong)}", not wrong)


def _best(curve: list, epoch: int) -> float:
    scores = [row.score for row in curve if row.phase != "decay" and row.epoch <= epoch]
    return max((score for score in scores if math.isfinite(score)), default=math.nan)

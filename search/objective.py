"""One trial from its lease to its end."""

import math
import time
from typing import Any

from search import held_out, predictions, pruning
from search.meter import Meter
from search.phases import Phase
from search.saving import pause_after, restore, save, save_weights
from search.workplace import Workplace
from storage.blobs import Blob
from storage.errors import LeaseLost
from storage.rows import EpochRow, Lease, Result, Stop
from trainer.recipe import Recipe, read_recipe
from trainer.replicate import Replicate
from trainer.run import Epoch, Run
from trainer.schedule import decay_reason

REPORT_SECONDS = 10.0


def train(lease: Lease, phase: Phase, at: Workplace, meter: Meter) -> str:
    """Train the leased trial until it ends, and say how in words, or `released` when the worker has to leave.

    Whatever is told of the trial is told with what the attempt has cost so far, in one transaction.
    Raises `LeaseLost` if another worker has taken the trial over; whatever was done since then is discarded.
    """
    store, definition = at.study.store, at.study.definition
    recipe = read_recipe(lease.recipe)
    meter.trains(recipe)
    replicate = Replicate.numbered(lease.replicate, definition.folds)
    run = Run(recipe, replicate, at.data, at.device, files=at.files, nets=at.nets)
    restore(run, lease, at)
    rung = _rung(run, phase, lease, at)  # a trial released at a rung has not been judged there yet
    unsent: list[EpochRow] = []
    reported = saved = time.monotonic()
    pause = at.checkpoint_seconds

    for epoch in run if rung is None or not rung.pruned else ():
        meter.add(epoch)
        unsent.append(_row(epoch))
        if at.keeper.lost:
            raise LeaseLost(f"{lease.phase} #{lease.number} is no longer held here")
        if at.leaving():
            store.report(lease, unsent, save(run, lease, at), meter.row())
            store.release(lease)
            return "released"
        if _at_rung(run, phase, lease):
            store.report(lease, unsent, attempt=meter.row())
            unsent, reported = [], time.monotonic()
            rung = _rung(run, phase, lease, at)
            if rung is not None and rung.pruned:
                break
        if run.stop is None and (began := time.monotonic()) - saved >= pause:
            store.report(lease, unsent, save(run, lease, at), meter.row())
            unsent, reported, saved = [], time.monotonic(), time.monotonic()
            pause = pause_after(at.checkpoint_seconds, saved - began)
        elif time.monotonic() - reported >= REPORT_SECONDS:
            store.report(lease, unsent, attempt=meter.row())
            unsent, reported = [], time.monotonic()

    if rung is not None and rung.pruned:
        result = _result(run, phase, "pruned", rung.reason, attrs={"rung": rung.evidence()})
        store.finish(lease, result, attempt=meter.row())
    else:
        stop: Stop = run.stop or "finished"
        ended_well = stop != "diverged"
        test_score, kept = _tested(run, lease, at) if phase.opens_test and ended_well else (None, [])
        weights, in_database = save_weights(run, phase, lease, at) if ended_well else ([], [])
        kept += predictions.of_validation(run, phase.ranks_by_best_epoch) if ended_well else []
        result = _result(run, phase, stop, _words(run, recipe), test_score)
        store.finish(lease, result, unsent, weights, meter.row(), kept + in_database)
    at.checkpoints.prune(lease.trial_id, keep=0, study=at.study.name, kind="resume")
    return result.reason


def _at_rung(run: Run, phase: Phase, lease: Lease) -> bool:
    """Whether the run stands at a rung where it is to be judged: an incumbent never is, nor one that is decaying or
    about to (it has stalled, and ends with a valid result)."""
    if lease.role == "incumbent" or not run.epochs or run.stop is not None:
        return False
    on_rung = run.epochs[-1].phase != "decay" and len(run.epochs) in phase.rungs
    return on_rung and decay_reason(run.constant_scores, run.recipe) is None


def _rung(run: Run, phase: Phase, lease: Lease, at: Workplace) -> pruning.Rung | None:
    """Compare constant-phase best-so-far scores of the trials of this phase that have reached this rung."""
    if not _at_rung(run, phase, lease):
        return None
    budgets, epoch = at.study.definition.budgets, len(run.epochs)
    scores = at.study.store.rung_scores(lease.study_id, lease.phase, epoch)
    company = [score.best for score in scores if score.trial_id != lease.trial_id]
    mine = max((score for score in run.constant_scores if math.isfinite(score)), default=math.nan)
    delta = at.study.settled_rules().delta
    return pruning.judge(epoch, mine, company, delta=delta, eta=budgets.eta, minimum=budgets.company)


def _tested(run: Run, lease: Lease, at: Workplace) -> tuple[float, list[Blob]]:
    """Open the test labels, on the record; the averaged weights' score and answers. Raises LeaseLost."""
    store = at.study.store
    if not store.holds(lease):
        raise LeaseLost(f"{lease.phase} #{lease.number} is no longer held here: the test labels stay closed")

    def record(who: str, why: str) -> None:
        store.record_test_opening(lease.study_id, who, why)

    who = f"{at.study.name}/{lease.phase} #{lease.number}"
    why = f"confirm the {lease.label} recipe on replicate {lease.replicate}"
    rows, labels = at.data.test.open(record, who, why)
    score, answered, probabilities = run.examined_on(rows, labels)
    held_out.keep(at.study, lease.trial_id, lease.worker, answered.numpy(), labels.numpy(), at.data)
    return score, predictions.packed("test", rows, probabilities, len(run.epochs))


def _result(
    run: Run,
    phase: Phase,
    stop: Stop,
    reason: str,
    test_score: float | None = None,
    attrs: dict[str, Any] | None = None,
) -> Result:
    """A diverged run counts with 0 everywhere, whatever it had reached before."""
    diverged = stop == "diverged"
    best = run.best.score if run.best and not diverged else 0.0
    last = run.last.score if run.last and not diverged else 0.0
    return Result(
        stop=stop,
        reason=reason,
        best_score=best,
        best_epoch=run.best.number if run.best else 0,
        last_score=last,
        value=best if phase.ranks_by_best_epoch else last,
        epochs_total=len(run.epochs),
        seconds=sum(epoch.seconds for epoch in run.epochs),
        test_score=test_score,
        attrs=attrs or {},
    )


def _words(run: Run, recipe: Recipe) -> str:
    """Why the run ended, as a person would say it."""
    count = len(run.epochs)
    if run.stop == "diverged":
        return f"diverged in epoch {count}: the training loss is no longer a finite number"
    if run.stop == "stalled" and recipe.plateau:
        patience, delta = recipe.plateau.patience, recipe.plateau.delta
        when = len(run.constant_scores)
        return f"stalled at epoch {when}: no rise above {delta:g} in {patience} epochs; decayed, ended at epoch {count}"
    return f"finished its {count} epochs"


def _row(epoch: Epoch) -> EpochRow:
    return EpochRow(
        epoch=epoch.number,
        phase=epoch.phase,
        score=epoch.score,
        train_loss=epoch.train_loss,
        val_loss=epoch.val_loss,
        lr=epoch.lr,
        seconds=epoch.seconds,
    )

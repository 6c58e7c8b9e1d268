"""One trial from its lease to its end."""

import math
import time
from dataclasses import replace
from functools import partial
from typing import Any

from search import held_out, predictions, pruning
from search.meter import Meter
from search.phases import Phase
from search.saving import pause_after, restore, save, save_weights
from search.workplace import Workplace
from storage.blobs import Blob
from storage.errors import LeaseLost
from storage.rows import EpochRow, Lease, Result, Stop
from trainer.data import Dataset
from trainer.recipe import Recipe, read_recipe
from trainer.replicate import Replicate
from trainer.run import Epoch, Run
from trainer.schedule import decay_reason


def train(lease: Lease, phase: Phase, at: Workplace, meter: Meter) -> str:
    """Train the leased trial until it ends, and say how in words, or `released` when the worker has to leave.

    Whatever is told of the trial goes through `at.keeper`, which must hold the lease; training does not wait for it.
    Raises `LeaseLost` if another worker has taken the trial over; whatever was done since then is discarded.
    """
    recipe = read_recipe(lease.recipe)
    meter.trains(recipe)
    replicate = Replicate.numbered(lease.replicate, at.study.definition.folds)
    run = at.begin(recipe, replicate, replace(at, data=_data(replicate, lease, at)))
    restore(run, lease, at)
    judged = _Judge(phase, lease, at)
    rung = judged.look(run)  # a trial released at a rung has not been judged there yet
    saved, pause = time.monotonic(), at.checkpoint_seconds

    for epoch in run if rung is None else ():
        meter.add(epoch)
        at.keeper.tell(_row(epoch))
        if at.leaving(another=epoch.seconds):
            at.keeper.release(save(run, lease, at))
            return "released"
        rung = judged.look(run)
        if rung is not None:
            break
        if run.stop is None and (began := time.monotonic()) - saved >= pause:
            if (row := save(run, lease, at)) is not None:
                for unheard in at.keeper.publish(row):
                    at.checkpoints.remove(unheard)
            saved = time.monotonic()
            pause = pause_after(at.checkpoint_seconds, saved - began)

    if rung is not None:
        result = _result(run, phase, "pruned", rung.reason, attrs={"rung": rung.evidence()})
        at.keeper.finish(result, ())
    else:
        stop: Stop = run.stop or "finished"
        ended_well = stop != "diverged"
        test_score, kept = _tested(run, lease, at) if phase.opens_test and ended_well else (None, [])
        weights, in_database = save_weights(run, phase, lease, at) if ended_well else ([], [])
        kept += predictions.of_validation(run, phase.ranks_by_best_epoch) if ended_well and not replicate.whole else []
        result = _result(run, phase, stop, _words(run, recipe), test_score)
        at.keeper.finish(result, weights, kept + in_database)
    at.checkpoints.prune(lease.trial_id, keep=0, study=at.study.name, kind="resume")
    return result.reason


class _Judge:
    """Compares constant-phase best-so-far scores of the trials of a phase that have reached a rung.

    When the database does not answer at a rung, it asks again after the next epoch what was to be asked there.
    """

    def __init__(self, phase: Phase, lease: Lease, at: Workplace) -> None:
        self._phase, self._lease, self._at = phase, lease, at
        self._open: int | None = None

    def look(self, run: Run) -> pruning.Rung | None:
        """The rung at which the run is pruned, or None: it goes on."""
        if not _may_be_pruned(run, self._lease):
            return None
        if len(run.epochs) in self._phase.rungs:
            self._open = len(run.epochs)
        if self._open is None:
            return None
        company = self._at.keeper.company(self._open)
        if company is None:
            return None
        epoch, self._open = self._open, None
        others = [score.best for score in company if score.trial_id != self._lease.trial_id]
        mine = max((score for score in run.constant_scores[:epoch] if math.isfinite(score)), default=math.nan)
        budgets, delta = self._at.study.definition.budgets, self._at.study.settled_rules().delta
        rung = pruning.judge(epoch, mine, others, delta=delta, eta=budgets.eta, minimum=budgets.company)
        return rung if rung.pruned else None


def _may_be_pruned(run: Run, lease: Lease) -> bool:
    """An incumbent never is, nor a run that is decaying or about to (it has stalled, and ends with a valid result)."""
    if lease.role == "incumbent" or not run.epochs or run.stop is not None:
        return False
    return run.epochs[-1].phase != "decay" and decay_reason(run.constant_scores, run.recipe) is None


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


def _data(replicate: Replicate, lease: Lease, at: Workplace) -> Dataset:
    """Where a run is to learn the test part, too, with its labels; that is on record as any opening is."""
    if not replicate.everything:
        return at.data
    record = partial(at.study.store.record_test_opening, lease.study_id)
    who = f"{at.study.name}/{lease.phase} #{lease.number}"
    return at.data.opened(record, who, "train on it: no honest score is left")


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
    scored = diverged or not run.replicate.whole  # without validation images there is no score; Optuna is shown 0
    best = run.best.score if run.best and not diverged else 0.0
    last = run.last.score if run.last and scored and not diverged else 0.0
    return Result(
        stop=stop,
        reason=reason,
        best_score=best if scored else None,
        best_epoch=run.best.number if run.best else 0,
        last_score=last if scored else None,
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

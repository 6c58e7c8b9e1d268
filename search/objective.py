"""One trial from its lease to its end."""

import io
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from search import pruning
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.phases import Phase
from search.study import Study
from storage.checkpoints import CheckpointDamaged, CheckpointFolder
from storage.errors import LeaseLost
from storage.rows import CheckpointRow, EpochRow, Lease, Result, Stop
from trainer.data import Dataset
from trainer.recipe import Recipe, read_recipe
from trainer.replicate import Replicate
from trainer.run import Epoch, Run

log = logging.getLogger("ceteris.trial")
REPORT_SECONDS = 10.0


@dataclass(frozen=True)
class Workplace:
    """What a worker brings to every trial."""

    study: Study
    data: Dataset
    device: torch.device
    weights_file: Path | None
    checkpoints: CheckpointFolder
    keeper: LeaseKeeper
    checkpoint_seconds: float
    leaving: Leaving


def train(lease: Lease, phase: Phase, at: Workplace) -> str:
    """Train the leased trial until it ends, and say how: a stop reason, or `released` when the worker has to leave.

    Raises `LeaseLost` if another worker has taken the trial over; whatever was done since then is discarded.
    """
    store, definition = at.study.store, at.study.definition
    recipe = read_recipe(lease.recipe)
    run = Run(
        recipe, Replicate.numbered(lease.replicate, definition.folds), at.data, at.device, weights_file=at.weights_file
    )
    _restore(run, lease, at)
    unsent: list[EpochRow] = []
    reported = saved = time.monotonic()
    judged = phase.prunable and lease.role != "incumbent"

    for epoch in run:
        unsent.append(_row(epoch))
        if at.keeper.lost:
            raise LeaseLost(f"{lease.phase} #{lease.number} was taken over by another worker")
        if at.leaving():
            store.report(lease, unsent, _save(run, lease, at))
            store.release(lease)
            return "released"
        if judged and epoch.phase != "decay" and epoch.number in definition.budgets.rungs and run.stop is None:
            store.report(lease, unsent)
            unsent, reported = [], time.monotonic()
            rung = _judge(run, epoch, lease, at)
            if rung.pruned:
                store.finish(lease, _result(run, phase, "pruned", rung.reason, {"rung": rung.evidence()}))
                _forget(lease, at)
                return "pruned"
        if run.stop is None and time.monotonic() - saved >= at.checkpoint_seconds:
            store.report(lease, unsent, _save(run, lease, at))
            unsent, reported, saved = [], time.monotonic(), time.monotonic()
        elif time.monotonic() - reported >= REPORT_SECONDS:
            store.report(lease, unsent)
            unsent, reported = [], time.monotonic()

    stop: Stop = run.stop or "finished"
    attrs = _test_score(run, lease, at) if phase.opens_test and stop != "diverged" else {}
    weights = [] if stop == "diverged" else [_save_weights(run, phase, lease, at)]
    store.finish(lease, _result(run, phase, stop, _words(run, recipe), attrs), unsent, weights)
    _forget(lease, at)
    return stop


def _judge(run: Run, epoch: Epoch, lease: Lease, at: Workplace) -> pruning.Rung:
    """Compare constant-phase best-so-far scores of the trials of this phase that have reached this rung."""
    budgets = at.study.definition.budgets
    scores = at.study.store.rung_scores(lease.study_id, lease.phase, epoch.number)
    company = [score.best for score in scores if score.trial_id != lease.trial_id]
    mine = max((score for score in run.constant_scores if math.isfinite(score)), default=math.nan)
    delta = at.study.settled_rules().delta
    return pruning.judge(epoch.number, mine, company, delta=delta, eta=budgets.eta, minimum=budgets.company)


def _restore(run: Run, lease: Lease, at: Workplace) -> None:
    """Go on from the newest checkpoint that can be read and is whole; else from the first epoch."""
    for row in lease.checkpoints:
        if row.kind != "resume":
            continue
        try:
            payload = at.checkpoints.read(row)
        except (CheckpointDamaged, OSError) as error:
            log.warning("checkpoint of %s #%d at epoch %d is no use: %s", lease.phase, lease.number, row.epoch, error)
            continue
        run.load_state_dict(torch.load(io.BytesIO(payload), map_location=at.device, weights_only=True))
        log.info("%s #%d goes on after epoch %d", lease.phase, lease.number, row.epoch)
        return
    if lease.attempt > 1:
        log.info("%s #%d starts again: no usable checkpoint on this host", lease.phase, lease.number)


def _save(run: Run, lease: Lease, at: Workplace) -> CheckpointRow:
    row = at.checkpoints.write(
        at.study.name, lease.trial_id, lease.token, len(run.epochs), "resume", _bytes(run.state_dict())
    )
    at.checkpoints.prune(lease.trial_id, keep=2, study=at.study.name, kind="resume")
    return row


def _save_weights(run: Run, phase: Phase, lease: Lease, at: Workplace) -> CheckpointRow:
    """The averaged weights behind the score by which the phase ranks."""
    best = phase.ranks_by_best_epoch
    kind = "best" if best else "final"
    weights = run.best_weights() if best else run.averaged_weights()
    epoch = run.best.number if best and run.best else len(run.epochs)
    return at.checkpoints.write(at.study.name, lease.trial_id, lease.token, epoch, kind, _bytes(weights))


def _test_score(run: Run, lease: Lease, at: Workplace) -> dict[str, Any]:
    """Open the test labels, on the record, and score the averaged weights on them."""
    store = at.study.store

    def record(who: str, why: str) -> None:
        store.record_test_opening(lease.study_id, who, why)

    who = f"{at.study.name}/{lease.phase} #{lease.number}"
    images, labels = at.data.test.open(record, who, f"confirm the {lease.label} recipe on replicate {lease.replicate}")
    score = run.score_on(images, labels)
    store.set_test_score(lease.study_id, lease.cell_id, score, {"images": len(labels)})
    return {"test_score": score}


def _result(run: Run, phase: Phase, stop: Stop, reason: str, attrs: dict[str, Any]) -> Result:
    best = run.best.score if run.best else 0.0
    last = run.last.score if run.last and math.isfinite(run.last.score) else 0.0
    value = 0.0 if stop == "diverged" else (best if phase.ranks_by_best_epoch else last)
    return Result(
        stop=stop,
        reason=reason,
        best_score=best,
        best_epoch=run.best.number if run.best else 0,
        last_score=last,
        value=value,
        epochs_total=len(run.epochs),
        seconds=sum(epoch.seconds for epoch in run.epochs),
        attrs=attrs,
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


def _forget(lease: Lease, at: Workplace) -> None:
    """Resume checkpoints of an ended trial are of no more use."""
    at.checkpoints.prune(lease.trial_id, keep=0, study=at.study.name, kind="resume")


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


def _bytes(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()

"""Runs to checkpoints and back."""

import io
import logging
from typing import Any

import torch

from search.phases import Phase
from search.retention import among_best
from search.workplace import Workplace
from storage.blobs import Blob
from storage.errors import CheckpointDamaged, CheckpointUnwritable
from storage.rows import CheckpointRow, Lease
from trainer.run import Run

log = logging.getLogger("ceteris.trial")
TIMES_ITS_COST = 50.0  # what lies between two checkpoints: saving takes at most 2 % of the time


def restore(run: Run, lease: Lease, at: Workplace) -> None:
    """Go on from the newest checkpoint that can be read and is whole; else from the first epoch, and say why."""
    saved = [row for row in lease.checkpoints if row.kind == "resume"]
    for row in saved:
        try:
            payload = at.checkpoints.read(row)
        except (CheckpointDamaged, OSError) as error:
            log.warning("checkpoint of %s #%d at epoch %d is no use: %s", lease.phase, lease.number, row.epoch, error)
            continue
        run.load_state_dict(torch.load(io.BytesIO(payload), map_location=at.device, weights_only=True))
        log.info("%s #%d goes on after epoch %d", lease.phase, lease.number, row.epoch)
        return
    if saved:
        where = f"its checkpoint lies on {saved[0].host}; with --checkpoints FOLDER or s3://BUCKET it would go on here"
    elif lease.epochs:
        where = "it was not saved before its worker was lost"
    else:
        return
    log.info("%s #%d starts again with its first epoch: %s", lease.phase, lease.number, where)


def save(run: Run, lease: Lease, at: Workplace) -> CheckpointRow | None:
    """The pointer to publish; None, with a warning, where nothing can be written: the run goes on all the same."""
    name = at.study.name
    try:
        payload = _bytes(run.state_dict())
        row = at.checkpoints.write(name, lease.trial_id, lease.token, len(run.epochs), "resume", payload)
    except CheckpointUnwritable as error:
        log.warning("%s", error)
        return None
    # One that the database knows of, one that is on its way to it, the one before, and this.
    at.checkpoints.prune(lease.trial_id, keep=4, study=name, kind="resume")
    return row


def pause_after(seconds: float, cost: float) -> float:
    """Seconds until the next checkpoint: `seconds`, or more where one takes `cost`; 0 asks for one at every epoch."""
    return max(seconds, TIMES_ITS_COST * cost) if seconds else 0.0


def save_weights(run: Run, phase: Phase, lease: Lease, at: Workplace) -> tuple[list[CheckpointRow], list[Blob]]:
    """The averaged weights behind the score by which the phase ranks: the pointer, and the blob where one is wanted.

    Weights that cannot be written are warned of: the score of the run stands without them.
    """
    best = phase.ranks_by_best_epoch
    weights = _bytes(run.best_weights() if best else run.averaged_weights())
    epoch = run.best.number if best and run.best else len(run.epochs)
    kind = "best" if best else "final"
    pointers: list[CheckpointRow] = []
    try:
        pointers.append(at.checkpoints.write(at.study.name, lease.trial_id, lease.token, epoch, kind, weights))
    except CheckpointUnwritable as error:
        log.warning("%s", error)
    ranked = run.best if best else run.last
    score = ranked.score if ranked else 0.0
    return pointers, [Blob("weights", weights)] if _wanted_in_database(weights, score, phase, at) else []


def _wanted_in_database(weights: bytes, score: float, phase: Phase, at: Workplace) -> bool:
    if len(weights) > at.weights_in_db:
        return False
    return among_best(phase, at.study.store.seen_runs(at.study.study_id, phase.name), score)


def _bytes(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()

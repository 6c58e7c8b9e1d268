"""Runs to checkpoint files and back."""

import io
import logging
from typing import Any

import torch

from search.phases import Phase
from search.workplace import Workplace
from storage.errors import CheckpointDamaged
from storage.rows import CheckpointRow, Lease
from trainer.run import Run

log = logging.getLogger("ceteris.trial")


def restore(run: Run, lease: Lease, at: Workplace) -> None:
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


def save(run: Run, lease: Lease, at: Workplace) -> CheckpointRow:
    row = at.checkpoints.write(
        at.study.name, lease.trial_id, lease.token, len(run.epochs), "resume", _bytes(run.state_dict())
    )
    at.checkpoints.prune(lease.trial_id, keep=2, study=at.study.name, kind="resume")
    return row


def save_weights(run: Run, phase: Phase, lease: Lease, at: Workplace) -> CheckpointRow:
    """The averaged weights behind the score by which the phase ranks."""
    best = phase.ranks_by_best_epoch
    kind = "best" if best else "final"
    weights = run.best_weights() if best else run.averaged_weights()
    epoch = run.best.number if best and run.best else len(run.epochs)
    return at.checkpoints.write(at.study.name, lease.trial_id, lease.token, epoch, kind, _bytes(weights))


def _bytes(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()

"""The weights of ended trials, wherever they are: beside this server's checkpoints, or in the database."""

from dataclasses import dataclass

from search.study import Study
from storage.checkpoints import Checkpoints
from storage.errors import BlobDamaged, CheckpointDamaged
from storage.rows import CheckpointRow, RunRow


@dataclass(frozen=True)
class Weights:
    """The averaged weights of a run: `payload` is None where they are neither here nor in the database."""

    row: CheckpointRow
    payload: bytes | None
    fetched: bool = False  # from the database: not here before


def find(study: Study, run: RunRow, checkpoints: Checkpoints) -> Weights | None:
    """The weights of a run; None where none were written. Of several attempts those of the one that ended it."""
    told = [row for row in study.store.checkpoints(run.trial_id) if row.kind in ("best", "final")]
    if not told:
        return None
    try:
        return Weights(told[0], checkpoints.read(told[0]))
    except CheckpointDamaged:  # on another server, or deleted by hand
        pass
    try:
        payload = study.store.blob(run.trial_id, "weights")
    except BlobDamaged:
        payload = None
    return Weights(told[0], payload, fetched=payload is not None)

"""What every run that ended well answers for each image: class probabilities, kept with it in the database.

They are those of the averaged weights behind the score that counts for the phase: of the best epoch in a screen, of
the last epoch elsewhere. Any server can combine or look through them without weights, data or a GPU.
"""

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from search.study import Study
from storage.blobs import Blob

if TYPE_CHECKING:  # whoever reads needs no torch
    from torch import Tensor

    from trainer.run import Run

log = logging.getLogger("ceteris.trial")
BOUND_BYTES = 8 * 2**20  # of one run; larger ones are left out: 40,000 images of 100 classes
Part = Literal["validation", "test"]


@dataclass(frozen=True)
class Predictions:
    rows: NDArray[np.int64]  # [n] of the dataset, as in the run's validation part or the test part
    probabilities: NDArray[np.float32]  # [n, classes], kept to about 3 digits
    epoch: int  # whose averaged weights answered
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] | None = None  # (mean, deviation) of each channel, 0..1


def of_validation(run: "Run", best: bool) -> list[Blob]:
    """The answers of an ended run to its validation images, by its best or its last weights; none above the bound."""
    if best and run.best:
        answers, epoch = run.best_probabilities(), run.best.number
    else:
        answers, epoch = run.validation_probabilities(), len(run.epochs)
    return packed("validation", run.validation_index, answers, epoch, np.array(run.normalisation))


def packed(
    part: Part, rows: "Tensor", probabilities: "Tensor", epoch: int, normalisation: NDArray[np.float64] | None = None
) -> list[Blob]:
    """The blob of these answers [n, classes] to the dataset's `rows` [n]; none above the bound, which is logged.

    With the `normalisation` [2, channels] of the run its weights can be used where its data are not.
    """
    images, classes = probabilities.shape
    if images * (2 * classes + 4) > BOUND_BYTES:
        log.info("%s predictions of %d images x %d classes are left out: too large", part, images, classes)
        return []
    file = io.BytesIO()
    halves = probabilities.numpy().astype("<f2")
    more = {} if normalisation is None else {"normalisation": normalisation}
    np.savez(file, rows=rows.numpy().astype("<i4"), probabilities=halves, epoch=np.int32(epoch), **more)  # pyright: ignore[reportArgumentType]
    return [Blob(part, file.getvalue())]


def read(study: Study, trial_id: int, part: Part = "validation") -> Predictions | None:
    """What was kept of a run; None where nothing was: not ended well, too large, or of an earlier release."""
    payload = study.store.blob(trial_id, part)
    return None if payload is None else unpacked(payload)


def unpacked(payload: bytes) -> Predictions:
    """What `packed` made; also the content of a file that search.pull has fetched."""
    with np.load(io.BytesIO(payload), allow_pickle=False) as kept:
        rows, probabilities = kept["rows"].astype(np.int64), kept["probabilities"].astype(np.float32)
        mean, spread = kept["normalisation"].tolist() if "normalisation" in kept.files else ((), ())
        normalisation = (tuple(mean), tuple(spread)) if mean else None
        return Predictions(rows, probabilities, int(kept["epoch"]), normalisation)

"""The labels of a study's images, kept once with it: what a run answered can be judged where no data lie."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.held_out import Stored
from search.records import as_json
from search.study import Study

if TYPE_CHECKING:
    from trainer.data import Dataset

KEY = "development/labels"
MOST = 200_000  # images: half a megabyte
SEALED = 2**16 - 1  # in the place of every label of the test part


def keep(study: Study, data: "Dataset", worker: str) -> None:
    """Write the labels of the development part, by row, unless they are there. The test part stays sealed."""
    if len(data.labels) > MOST or study.store.measurement(study.study_id, KEY) is not None:
        return
    labels = np.full(len(data.labels), SEALED, dtype=np.int64)
    labels[data.development] = data.labels.cpu().numpy()[data.development]
    study.store.measure_once(study.study_id, KEY, as_json(Stored.of(labels)), worker)


def read(study: Study) -> NDArray[np.int64] | None:
    """Label of each row of the data set, SEALED for the test part; None where none were kept (an earlier release)."""
    found = study.store.measurement(study.study_id, KEY)
    return None if found is None else Stored.model_validate(found).read()

"""The images and labels behind the answers of a run, where this host has them."""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from search.ask import BUILT_IN_DATA
from search.data_options import data_options, source_options
from search.edge import exit_code_of
from search.study import Study
from storage.rows import RunRow

if TYPE_CHECKING:
    from trainer.data import Dataset

log = logging.getLogger("ceteris.dashboard")
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """What a run answered on its validation images [n], and what is right."""

    rows: Ints
    truth: Ints
    answers: Ints
    probability: NDArray[np.float32]  # of the class answered


class Pictures:
    """The data sets that may be shown: the built-in ones, and the one given with --data. Loaded when first wanted."""

    def __init__(self, data: str | None) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._loaded: dict[str, Dataset | None] = {}

    def answers(self, study: Study, row: RunRow) -> Seen | None:
        """None where nothing was kept of the run, or neither the labels nor the images are here."""
        from search import labels, predictions

        kept = predictions.read(study, row.trial_id)
        if kept is None:
            return None
        by_row = labels.read(study)
        if by_row is None:
            dataset = self._of(study)
            by_row = None if dataset is None else dataset.labels.numpy()
        if by_row is None:
            return None
        answers = kept.probabilities.argmax(axis=1).astype(np.int64)
        return Seen(kept.rows, by_row[kept.rows], answers, kept.probabilities[np.arange(len(answers)), answers])

    def pixels(self, study: Study, rows: Ints) -> NDArray[np.uint8] | None:
        """[k, C, H, W] of these rows as the network gets them; None where the images are not here."""
        import torch

        dataset = self._of(study)
        return None if dataset is None else dataset.pixels.stored[torch.from_numpy(rows)].numpy()

    def why_not(self, study: Study) -> str:
        """One line for a picture that cannot be drawn."""
        if self._data is not None:
            return f"the images given with --data are not those of study {study.name}"
        return "the images are not on this host; give them to search.dashboard with --data"

    def _spec(self, study: Study) -> str | None:
        """What to open for a study."""
        facts = study.resolved.data
        built_in = facts.name if facts.name in BUILT_IN_DATA and not facts.options else None
        return built_in or self._data

    def _of(self, study: Study) -> "Dataset | None":
        digest, spec = study.manifest.data_digest, self._spec(study)
        if spec is None:
            return None
        with self._lock:
            if digest not in self._loaded:
                self._loaded[digest] = _load(study, spec)
            return self._loaded[digest]


def _load(study: Study, spec: str) -> "Dataset | None":
    from search.dataset import dataset_of

    try:
        return dataset_of(study, spec, source_options(**_read_with(study)))
    except Exception as error:
        if exit_code_of(error) is None:
            raise
        log.warning("%s", error)
        return None


def _read_with(study: Study) -> dict[str, Any]:
    """The options with which the launch has read the data."""
    parser = data_options(click.Command("data", callback=lambda **_: None))
    given = parser.make_context("data", list(study.resolved.data.options)).params
    return {name: value for name, value in given.items() if name != "data"}

"""What a study will cost at most, before the first trial: runs, time on the present workers, disk."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from search.answer import table
from search.phases import planned_runs
from search.progress import clock
from search.rehearsal import rehearse
from search.resolve import largest_size
from search.retention import KEPT_PER_PHASE
from spaces.study import StudyDefinition
from trainer.custom import Files
from trainer.data import Dataset
from trainer.execution import one_thread
from trainer.pace import measure

BYTES_PER_WEIGHT = 4  # averaged weights are kept as fp32


@dataclass(frozen=True)
class Plan:
    """`seconds_per_run` is a run that goes through all its epochs; pruned and stalled ones are shorter."""

    runs: dict[str, int]
    epochs: int
    seconds_per_run: float
    bytes_per_run: int
    devices: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(self.runs.values())

    @property
    def seconds(self) -> float:
        """Phase after phase, each as long as its workers need; no run is shortened."""
        rounds = sum(math.ceil(count / max(1, len(self.devices))) for count in self.runs.values())
        return rounds * self.seconds_per_run

    @property
    def kept(self) -> int:
        """Runs whose weights stay on disk."""
        return sum(count if phase == "confirm" else min(count, KEPT_PER_PHASE) for phase, count in self.runs.items())

    def lines(self) -> list[str]:
        rows = [("phase", "runs at most"), *((name, str(count)) for name, count in self.runs.items())]
        kinds = ", ".join(sorted(set(self.devices)))
        workers = f"{len(self.devices)} worker{'s' if len(self.devices) != 1 else ''} ({kinds})"
        return [
            *table(rows),
            (
                f"at most {self.total} runs of {self.epochs} epochs, about {self.seconds_per_run:.1f} s each: about "
                f"{clock(self.seconds)} on {workers}, {self.kept * self.bytes_per_run / 2**20:.0f} MiB of weights kept"
            ),
        ]


def make_plan(definition: StudyDefinition, dataset: Dataset, devices: Sequence[str], files: Files) -> Plan:
    """Count the runs, time the baseline on a few hundred images, try what may not fit.

    Raises `BackboneError` or `CustomError` when something cannot be trained.
    """
    recipe = definition.baseline
    recipe = recipe.model_copy(update={"image_size": largest_size(definition, recipe.image_size)})  # it is "at most"
    with one_thread():
        pace = measure(recipe, dataset, torch.device(devices[0]), files)
        rehearse(definition, dataset, files)
    validation = len(dataset.development) // definition.folds
    train = len(dataset.development) - validation
    per_epoch = min(train, recipe.epoch_images or train) * pace.seconds_per_train_image
    per_epoch += validation * pace.seconds_per_validation_image
    return Plan(
        runs=planned_runs(definition),
        epochs=recipe.epochs,
        seconds_per_run=per_epoch * recipe.epochs,
        bytes_per_run=pace.parameters * BYTES_PER_WEIGHT,
        devices=tuple(devices),
    )

"""What a study will cost, before the first trial: runs, time on the present workers, disk."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
from trainer.modes import expected

BYTES_PER_WEIGHT = 4  # averaged weights are kept as fp32
SCREENED = 0.6  # of its epochs a screen trains at most, in the mean: pruning saves more (docs/BENCHMARKS.md)
USEFUL = 1.1  # of the time that any number of workers would need


@dataclass(frozen=True)
class Plan:
    """`seconds_per_epoch` are those of the baseline, validation included."""

    definition: StudyDefinition
    seconds_per_epoch: float
    parameters: int
    devices: tuple[str, ...]
    quick: bool = False
    ablation: bool = False

    @cached_property
    def runs(self) -> dict[str, int]:
        """Phase -> runs at most."""
        return planned_runs(self.definition, quick=self.quick, ablation=self.ablation)

    @property
    def seconds_per_run(self) -> float:
        """Of a run that goes through all its epochs; pruned and stalled ones are shorter."""
        return self.seconds_per_epoch * self.definition.baseline.epochs

    @property
    def total(self) -> int:
        return sum(self.runs.values())

    @property
    def seconds(self) -> float:
        """Phase after phase, each as long as its workers need; no run is shortened."""
        return self.seconds_on(len(self.devices))

    def seconds_on(self, workers: int) -> float:
        return sum(self._rounds(name, workers) for name in self.runs) * self.seconds_per_run

    def _rounds(self, phase: str, workers: int) -> int:
        """Runs one after the other."""
        return sum(math.ceil(count / max(1, workers)) for count in self._waves(phase))

    def waves(self) -> list[int]:
        """Runs that may go side by side, wave after wave: each waits for the one before."""
        return [count for phase in self.runs for count in self._waves(phase) if count]

    def _waves(self, phase: str) -> list[int]:
        """Of a phase; claims go replicate by replicate."""
        count, steps = self.runs[phase], self.definition.budgets.beyond_finals if phase == "claims" else 1
        return [math.ceil(count / max(1, steps))] * steps

    @property
    def expected_seconds(self) -> float:
        """As `seconds`, screens as short as pruning makes them at least."""
        workers, screens = max(1, len(self.devices)), {self.definition.phase_name(s) for s in self.definition.stages}
        rounds = sum(self._rounds(name, workers) * (SCREENED if name in screens else 1) for name in self.runs)
        return rounds * self.seconds_per_run

    @property
    def useful_workers(self) -> int:
        """How many workers still make it faster: more would save less than a tenth of the time."""
        most = max(self.runs.values())
        return next(n for n in range(1, most + 1) if self.seconds_on(n) <= USEFUL * self.seconds_on(most))

    @property
    def kept(self) -> int:
        """Runs whose weights stay on disk."""
        return sum(count if phase == "confirm" else min(count, KEPT_PER_PHASE) for phase, count in self.runs.items())

    def lines(self, alone: bool = True) -> list[str]:
        """`alone`: no other study shares the workers."""
        rows = [("phase", "runs at most"), *((name, str(count)) for name, count in self.runs.items())]
        kinds = ", ".join(sorted(set(self.devices)))
        workers = f"{len(self.devices)} worker{'s' if len(self.devices) != 1 else ''} ({kinds})"
        weights = self.kept * self.parameters * BYTES_PER_WEIGHT / 2**20
        end = datetime.datetime.now().astimezone() + datetime.timedelta(seconds=self.seconds)
        told = [
            *table(rows),
            (
                f"at most {self.total} runs of {self.definition.baseline.epochs} epochs, about "
                f"{self.seconds_per_run:.1f} s each: about {clock(self.seconds)} on {workers}, {weights:.0f} MiB of "
                f"weights kept"
            ),
            f"the answer by {moment(end)} at the latest; up to {self.useful_workers} workers make it faster",
        ]
        return told if alone else told[:-1]


def moment(end: datetime.datetime) -> str:
    """`14:05`, or `Fri 14:05` and further off the date."""
    days = (end.date() - datetime.datetime.now().astimezone().date()).days
    return f"{end:%H:%M}" if days == 0 else f"{end:%a %H:%M}" if days < 6 else f"{end:%Y-%m-%d %H:%M}"


def make_plan(
    definition: StudyDefinition,
    dataset: Dataset,
    devices: Sequence[str],
    files: Files,
    *,
    quick: bool = False,
    ablation: bool = False,
) -> Plan:
    """Count the runs, time the baseline on a few hundred images, try what may not fit.

    Raises `BackboneError` or `CustomError` when something cannot be trained.
    """
    recipe = definition.baseline
    recipe = recipe.model_copy(update={"image_size": largest_size(definition, recipe.image_size)})  # it is "at most"
    with one_thread():
        pace = expected(recipe, dataset, torch.device(devices[0]), files)
        rehearse(definition, dataset, files)
    validation = len(dataset.development) // definition.folds
    train = len(dataset.development) - validation
    per_epoch = min(train, recipe.epoch_images or train) * pace.seconds_per_train_image
    per_epoch += validation * pace.seconds_per_validation_image
    return Plan(definition, per_epoch, pace.parameters, tuple(devices), quick, ablation)

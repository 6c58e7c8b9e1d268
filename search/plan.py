"""What a study will cost at most, before the first trial: runs, time on the present workers, disk."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from search.answer import table
from search.edge import UserError
from search.phases import planned_runs
from search.progress import clock
from search.retention import KEPT_PER_PHASE
from spaces.study import StudyDefinition
from trainer.data import Dataset
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run

PROBE_IMAGES = 640
WEIGHTS_KEPT_BYTES = 4  # per parameter and ended run: averaged weights as fp32


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
        return self.total * self.seconds_per_run / max(1, len(self.devices))

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
                f"at most {self.total} runs of {self.epochs} epochs, {self.seconds_per_run:.1f} s each: at most "
                f"{clock(self.seconds)} on {workers}, {self.kept * self.bytes_per_run / 2**20:.0f} MiB of weights kept"
            ),
        ]


def make_plan(definition: StudyDefinition, dataset: Dataset, devices: Sequence[str], weights: Path | None) -> Plan:
    """Count the runs and time one epoch on a few hundred images with the baseline (about a second on a small net)."""
    recipe = definition.baseline
    seconds, parameters = _pace(recipe, definition.folds, dataset, torch.device(devices[0]), weights)
    images = len(dataset.labels) * (definition.folds - 1) // definition.folds
    per_epoch = min(images, recipe.epoch_images or images) + len(dataset.labels) // definition.folds / 3
    return Plan(
        runs=planned_runs(definition),
        epochs=recipe.epochs,
        seconds_per_run=seconds * per_epoch * recipe.epochs,
        bytes_per_run=parameters * WEIGHTS_KEPT_BYTES,
        devices=tuple(devices),
    )


def _pace(
    recipe: Recipe, folds: int, dataset: Dataset, device: torch.device, weights: Path | None
) -> tuple[float, int]:
    """Seconds per training image of the second of two short epochs (validation counted as a third), and parameters."""
    keep = torch.arange(0, len(dataset.labels), max(1, len(dataset.labels) // PROBE_IMAGES))
    groups = None if dataset.groups is None else np.asarray(dataset.groups)[keep.numpy()]
    few = replace(dataset, images=dataset.images[keep], labels=dataset.labels[keep], groups=groups).to(device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the workers run
    try:
        run = Run(recipe, Replicate.numbered(0, folds), few, device, weights_file=weights)
        next(run)
        began = time.perf_counter()
        epoch = next(run)
        seconds = time.perf_counter() - began
    except RuntimeError as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(
            f"{recipe.backbone} cannot be trained at {recipe.image_size} px on {device} ({why}); "
            f"give another size, for example --set baseline.image_size={2 * recipe.image_size}, or another --backbone"
        ) from error
    finally:
        torch.set_num_threads(threads)
    parameters = sum(weight.numel() for weight in run.averaged_weights().values())
    return seconds / (epoch.images + len(few.labels) / folds / 3), parameters

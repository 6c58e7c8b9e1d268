"""What a worker brings to every trial."""

from dataclasses import dataclass
from pathlib import Path

import torch

from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.study import Study
from storage.checkpoints import CheckpointFolder
from trainer.data import Dataset


@dataclass(frozen=True)
class Workplace:
    """`checkpoint_seconds` lie between two checkpoints of a run; `weights_file` holds a recipe's local weights."""

    study: Study
    data: Dataset
    device: torch.device
    weights_file: Path | None
    checkpoints: CheckpointFolder
    keeper: LeaseKeeper
    checkpoint_seconds: float
    leaving: Leaving

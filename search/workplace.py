"""What a worker brings to every trial."""

from dataclasses import dataclass

import torch

from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.study import Study
from storage.checkpoints import CheckpointFolder
from trainer.custom import Files
from trainer.data import Dataset


@dataclass(frozen=True)
class Workplace:
    """`checkpoint_seconds` lie between two checkpoints of a run; `files` holds the weights and code that
    recipes name by sha256."""

    study: Study
    data: Dataset
    device: torch.device
    files: Files
    checkpoints: CheckpointFolder
    keeper: LeaseKeeper
    checkpoint_seconds: float
    leaving: Leaving

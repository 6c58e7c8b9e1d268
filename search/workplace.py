"""What a worker brings to every trial."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from search.gauge import Gauge
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.study import Study
from storage.checkpoints import Checkpoints
from storage.rows import JSON
from trainer.custom import Files
from trainer.data import Dataset
from trainer.nets import Nets
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run


def begin(recipe: Recipe, replicate: Replicate, at: "Workplace") -> Run:
    """The run of a recipe on what is at this workplace."""
    return Run(recipe, replicate, at.data, at.device, files=at.files, nets=at.nets)


@dataclass(frozen=True)
class Workplace:
    """`checkpoint_seconds` lie between two checkpoints of a run; `files` holds the weights and code that
    recipes name by sha256. `mode` is how this worker trains, as far as the recipe does not say: it is recorded with
    every attempt. `gauge` reads the device. `nets` lends what is built once for all trials. `speculates`: rather than
    wait it trains the next common replicate of finalists whose claim is open. `weights_in_db`: weights of up to so many
    bytes travel through the database, 0 for none. After `idle_exit` seconds with nothing to do it leaves."""

    study: Study
    data: Dataset
    device: torch.device
    files: Files
    checkpoints: Checkpoints
    keeper: LeaseKeeper
    checkpoint_seconds: float
    leaving: Leaving
    mode: Mapping[str, JSON] = field(default_factory=dict)
    gauge: Gauge = field(default_factory=Gauge)
    nets: Nets = field(default_factory=Nets)
    speculates: bool = True
    weights_in_db: int = 0
    idle_exit: float = math.inf
    begin: Callable[[Recipe, Replicate, "Workplace"], Run] = begin
    """Makes the run of a trial."""

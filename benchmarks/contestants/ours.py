"""Ours: a study in a SQLite file, carried by the worker processes that a launch starts, in the environment of a launch.

Of the program's insides it knows how a study is created (as `search.launch` does it) and what a phase is; everything
between a claim and a stored result is the program's own `search.work`.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen

import torch

from benchmarks.contestants import ours_worker
from benchmarks.contestants.ours_worker import LRS, NAME
from benchmarks.contestants.task import Answer, Task, Trained
from search import surroundings
from search.copies import Copy, copies
from search.join import Asked, create_or_join, facts_of
from search.precision import choose
from search.resolve import geometry_of, resolve
from search.study import Study
from spaces.lr_aug import LR_AUG
from spaces.study import StudyDefinition
from storage.store import Store
from storage.urls import sqlite_url
from trainer.data import SourceOptions, load, open_source
from trainer.recipe import AdamW, Chain, Flip, Recipe, Shift, read_recipe


def recipe_of(task: Task) -> Recipe:
    """The recipe of the equal list but for its learning rate."""
    return Recipe.model_validate(
        {
            "backbone": task.backbone,
            "stem": task.stem,
            "image_size": task.image_size,
            "channels": task.channels,
            "batch_size": task.batch_size,
            "epochs": task.epochs,
            "epoch_images": None,
            "warmup_epochs": task.warmup_epochs,
            "decay_epochs": task.decay_epochs,
            "optimizer": AdamW(weight_decay=task.weight_decay),
            "augment": Chain(steps=(Flip(), Shift(fraction=0.125))),
            "metric": "accuracy",
        }
    )


def data_of(task: Task) -> str:
    """What a launch would be given as --data."""
    return str(Path(task.folder) / ("all" if task.files else "all.npz"))


def definition_of(task: Task) -> StudyDefinition:
    """The precision alone is left to the program, as in any study."""
    return LR_AUG.model_copy(update={"baseline": recipe_of(task), "auto": ("precision", "delta", "noise")})


def run(task: Task) -> Answer:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        url, cache = sqlite_url(place / "ceteris.db"), place / "cache"
        crew = copies(task.processes, ours_worker.main) if task.device == "cpu" else []
        store = Store.connect(url)
        study = created(store, task, cache)
        words = ["--name", NAME, "--data", data_of(task), "--cache", str(cache), "--folder", str(place / "checkpoints")]
        environment = {"CETERIS_STORAGE": url, LRS: json.dumps(task.lrs)}
        _work([*words, "--device", task.device], environment, crew or [None] * task.processes, place / "workers.log")
        rows = store.runs(study.study_id, NAME)
        store.close()
    return Answer(tuple(Trained(read_recipe(row.recipe).lr, row.epochs, row.last_score or 0.0) for row in rows))


def created(store: Store, task: Task, cache: Path) -> Study:
    """The study, and its pictures decoded into `cache`, where the workers map them."""
    asked = definition_of(task)
    source = open_source(data_of(task), SourceOptions(cache=cache))
    shaped = resolve(asked, source, "fp32")
    data = load(source, geometry_of(shaped.baseline), asked.test_fraction, cache=cache)
    chosen = choose(shaped.baseline, data, torch.device(task.device), {}, None)
    resolved = resolve(asked, source, chosen.precision)
    facts = facts_of(source, asked.test_fraction)
    study, _ = create_or_join(store, Asked(NAME, asked, resolved, data_of(task), source.digest, facts))
    return study


def _work(words: list[str], environment: dict[str, str], crew: Sequence[Copy | None], log: Path) -> None:
    """As `search.fleet` starts workers, with a life of one phase."""
    codes = [worker.wait() for worker in [_started(copy, words, environment, log) for copy in crew]]
    if any(codes):
        raise RuntimeError(f"workers ended with {codes}: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _started(copy: Copy | None, words: list[str], environment: dict[str, str], log: Path) -> Copy | Popen[bytes]:
    if copy is not None:
        copy.begin(words, environment, log)
        return copy
    command = [sys.executable, "-m", "benchmarks.contestants.ours_worker", *words]
    with log.open("ab") as said:
        return Popen(command, stdout=said, stderr=said, env=surroundings.surroundings(os.environ) | environment)

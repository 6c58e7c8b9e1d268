"""`python -m benchmarks.curves.train --fashion FOLDER --omniglot FILE.npz`: train the table, or what is missing of it.

About an hour on two cores. Every recipe is trained to the end with its fixed late decay, twice, scored by averaged and
by plain weights; wherever a rule would have begun the decay earlier, a branch is trained from there. What has been
trained is kept as it comes, so that a run that was interrupted goes on.
"""

import argparse
import math
import multiprocessing
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

import torch

from benchmarks.curves.recipes import CONSTANT, DECAY, EPOCHS, STALLS, WARMUP, recipes
from benchmarks.curves.sets import SETS, Given, Set
from benchmarks.curves.table import FILE, Curve, delta_of, read, write
from trainer.early_stopping import stalled
from trainer.nets import Nets
from trainer.recipe import Plateau, Recipe
from trainer.replicate import PILOT_FROM, Replicate
from trainer.run import Run
from trainer.state import identity

REPLICATES = (0, 1)
PILOTS = 4
COSINE_EVERY = 4  # one recipe in so many is trained under a cosine, too


@dataclass(frozen=True)
class Job:
    set: str
    recipe: int
    replicate: int
    kind: str  # table, cosine or pilot
    delta: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fashion", type=Path, required=True)
    parser.add_argument("--omniglot", type=Path, required=True)
    parser.add_argument("--made", type=Path, default=Path("runs"), help="folder for the weights that are fine-tuned")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit", type=int, help="only so many recipes: does it work?")
    asked = parser.parse_args()
    asked.made.mkdir(parents=True, exist_ok=True)
    given = Given(asked.fashion.resolve(), asked.omniglot.resolve(), asked.made.resolve())
    for make in SETS.values():  # what is made of them is made once
        make(given)
    found = {curve.key: curve for curve in read(asked.out)} if asked.out.exists() else {}
    with multiprocessing.get_context("spawn").Pool(asked.processes, _begin, (given,)) as pool:
        for jobs in (_pilots, _rest):
            wanted = [job for job in jobs(found.values(), asked.limit) if _main_key(job) not in found]
            for done, curves in enumerate(pool.imap_unordered(_train, wanted), start=1):
                found |= {curve.key: curve for curve in curves}
                write(found.values(), asked.out)
                print(f"{done} of {len(wanted)}: {curves[0].set} #{curves[0].recipe}", flush=True)


def _pilots(found: Collection[Curve], limit: int | None) -> list[Job]:
    return [Job(name, 0, PILOT_FROM + n, "pilot") for name in SETS for n in range(PILOTS)]


def _rest(found: Collection[Curve], limit: int | None) -> list[Job]:
    deltas = {name: delta_of(name, tuple(found)) for name in SETS}
    count = len(recipes(Recipe()))
    return [
        Job(name, number, replicate, kind, deltas[name])
        for number in range(count)[:limit]
        for name in SETS
        for replicate in REPLICATES
        for kind in ("table", "cosine")
        if kind == "table" or number % COSINE_EVERY == 0
    ]


def _main_key(job: Job) -> tuple[str, int, int, str]:
    return job.set, job.recipe, job.replicate, "ema" if job.kind == "table" else job.kind


_given: list[Given] = []


def _begin(given: Given) -> None:
    torch.set_num_threads(1)
    _given[:] = [given]


@cache
def _set(name: str) -> Set:
    return SETS[name](_given[0])


@cache
def _nets(purpose: str) -> Nets:
    return Nets()


def _train(job: Job) -> list[Curve]:
    at = _set(job.set)
    recipe, replicate = recipes(at.shape)[job.recipe], Replicate.numbered(job.replicate)
    run = Run(recipe, replicate, at.data, at.data.device, files=at.files, nets=_nets("whole"))

    def curve(kind: str, constant: int, scores: list[float]) -> Curve:
        return Curve(job.set, job.recipe, job.replicate, kind, constant, tuple(scores))

    if job.kind != "table":
        with _cosine() if job.kind == "cosine" else nullcontext():
            return [curve(job.kind, CONSTANT, [epoch.score for epoch in run])]
    found: list[Curve] = []
    raw: list[float] = []
    for epoch in run:
        raw.append(_raw_score(run))
        if epoch.phase == "decay" or not math.isfinite(epoch.score):
            continue
        if len(run.epochs) == CONSTANT:
            continue  # here the fixed schedule decays, too
        for kind, (scored_by, patience) in STALLS.items():
            scores = run.constant_scores if scored_by == "ema" else raw
            stalls = stalled(scores, Plateau(patience=patience, delta=job.delta))
            if stalls and kind not in {each.kind for each in found}:
                found.append(curve(kind, len(run.epochs), _decayed(run, at)))
    scores = [epoch.score for epoch in run.epochs]
    return [curve("ema", CONSTANT, scores), curve("raw", CONSTANT, raw), *found]


def _decayed(run: Run, at: Set) -> list[float]:
    """The scores of a decay that begins now; the run itself goes on as if nothing had been."""
    recipe = run.recipe.model_copy(update={"epochs": len(run.epochs) + DECAY})
    branch = Run(recipe, run.replicate, at.data, at.data.device, files=at.files, nets=_nets("branch"))
    branch.load_state_dict(run.state_dict() | {"identity": identity(recipe, run.replicate, at.data.digest)})
    return [epoch.score for epoch in branch]


def _raw_score(run: Run) -> float:
    """Of the weights as they are, BatchNorm's statistics averaged over some steps as ever; NaN when diverged."""
    average = run._learner._net.average
    twin, model = average._parameters
    kept = [tensor.clone() for tensor in twin]
    try:
        for target, source in zip(twin, model, strict=True):
            target.copy_(source)
        score, loss = run._learner.assess(run._exam, run._validation_labels)
    finally:
        for target, source in zip(twin, kept, strict=True):
            target.copy_(source)
    return score if math.isfinite(loss) and math.isfinite(run.epochs[-1].score) else math.nan


@contextmanager
def _cosine() -> Iterator[None]:
    def rate(recipe: Recipe, number: int, constant_epochs: int, step: int, steps: int) -> float:
        at = number - 1 + step / steps
        if at < WARMUP:
            return recipe.lr * (at + 1 / steps) / WARMUP
        return recipe.lr * (1 + math.cos(math.pi * (at - WARMUP) / (EPOCHS - WARMUP))) / 2

    with mock.patch("trainer.run.learning_rate", rate):
        yield


if __name__ == "__main__":
    main()

"""A retraining carried out on this host, told, and left in the run folder."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import torch
from safetensors.torch import save

from search import preflight, retraining
from search.ask import digest_of
from search.data_options import words_of
from search.dataset import dataset_of
from search.edge import UserError
from search.fleet import Fleet
from search.folder import RunFolder
from search.labelled import options_of, place_of
from search.progress import PlainLines, clock
from search.records import Retrained, Retraining
from search.sentences import fresh
from search.snapshot import take
from search.study import Study
from search.supervise import Watched, carry_to_answer
from search.weights import find
from storage.checkpoints import Checkpoints, checkpoints_at
from storage.rows import RunRow
from trainer.data import Dataset
from trainer.execution import one_thread
from trainer.pace import measure
from trainer.recipe import read_recipe


def carry(
    study: Study,
    asked: Retraining,
    url: str,
    data: str | None,
    cache: Path | None,
    files: tuple[Path, ...],
    *,
    workers: int | None,
    device: str,
    runs: Path,
    checkpoints: str | None,
    weights_in_db: float,
    quiet: bool,
) -> None:
    """Ask for it, work until it is over, show what came of it. What cannot work is told before it is asked for."""
    folder, known = RunFolder.of(study, runs), {digest_of(file): file for file in files}
    if not (number := _known(study, asked)):
        retraining.replicates(study, asked)
        ground = preflight.ground(device, runs)
        ground.require()
        place, options = place_of(study, data), options_of(study, cache)
        dataset = dataset_of(study, place, options)
        if not quiet:
            for line in _plan(study, asked, dataset, ground, known):
                click.echo(line)
        number = retraining.ask(study, asked, "retrain")
        arguments = ["--name", study.name, "--data", place, "--folder", str(folder.checkpoints), *words_of(options)]
        if checkpoints:
            arguments += ["--checkpoints", checkpoints]
        elif not study.store.one_host:
            arguments += ["--weights-in-db", f"{weights_in_db:g}"]
        for file in files:
            arguments += ["--file", str(file)]
        size = read_recipe(asked.recipe).image_size
        devices = preflight.places(ground, workers, dataset.pixels.stored.nbytes, size)
        fleet = Fleet(arguments, {"CETERIS_STORAGE": url}, folder.logs)
        carry_to_answer([Watched(study)], fleet, devices, True, None if quiet else PlainLines(take(study)))
    done = list(study.retrainings())[number - 1][1]
    if done is None:
        raise UserError(f"retraining {number} of {study.name} is not over; the same line goes on")
    kept_at = checkpoints_at(checkpoints or folder.checkpoints, study.instance)
    for line in lines(study, number, asked, done, folder, kept_at):
        click.echo(line)


def lines(
    study: Study, number: int, asked: Retraining, done: Retrained, folder: RunFolder, checkpoints: Checkpoints
) -> Iterator[str]:
    """What came of it, and where it is kept."""
    recipe, phase = read_recipe(done.recipe), f"retrain-{number}/final"
    rows = {row.number: row for row in study.store.runs(study.study_id, phase) if row.replicate in done.replicates}
    yield f"retraining {number} of {study.name}: {done.words}"
    if done.tuning:
        yield f"  {done.tuning}"
    runs = "1 run" if len(rows) == 1 else f"{len(rows)} runs"
    yield f"  {recipe.backbone_name}, lr {recipe.lr:g}, {recipe.epochs} epochs, {_trained_on(asked)}: {runs}"
    if done.validation is not None:
        test = "" if done.test is None else f", test {done.test:.4f}"
        yield f"  {recipe.metric} on {fresh(len(rows))}: validation {done.validation:.4f}{test}"
    elif done.test is not None:
        yield f"  no image was kept for validation; {recipe.metric} on the test part {done.test:.4f}"
    else:
        yield "  it has seen every image, the test part included: no honest score of it is left, or can be had here"
    if not rows:
        yield "  none of its runs ended well"
        return
    kept = [name for row in rows.values() if (name := keep(study, row, folder, checkpoints))]
    folder.write_json(f"retrain-{number}.json", {**recipe.model_dump(mode="json"), "trained": done.words})
    where = ", ".join([f"retrain-{number}.json", *kept])
    missing = len(rows) - len(kept)
    yield f"  kept in {folder.path}: {where}{f' ({missing} are on the server that trained them)' if missing else ''}"
    yield f"  use it: python -m search.export_model --study {study.name} --trial {phase}#{min(rows)} --out model"


def keep(study: Study, row: RunRow, folder: RunFolder, checkpoints: Checkpoints) -> str | None:
    """The averaged weights of a run as safetensors in the run folder; None where this server does not have them."""
    recipe, found = read_recipe(row.recipe), find(study, row, checkpoints)
    if found is None or found.payload is None:
        return None
    score = row.test_score if row.last_score is None else row.last_score
    shown = "" if score is None else f"_{score:.4f}"
    name = f"{row.phase.partition('/')[0]}-{row.number}_{recipe.backbone_name}{shown}.safetensors"
    return str(folder.keep_weights(_safe(found.payload), name).relative_to(folder.path))


def _safe(payload: bytes) -> bytes:
    weights: Mapping[str, torch.Tensor] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return save({name: tensor.contiguous() for name, tensor in weights.items()})


def _known(study: Study, asked: Retraining) -> int:
    """The number of an equal one that is over; 0 if there is none."""
    found = enumerate(study.retrainings(), start=1)
    return next((number for number, (each, done) in found if each == asked and done is not None), 0)


def _plan(
    study: Study, asked: Retraining, dataset: Dataset, ground: preflight.Ground, files: Mapping[str, Path]
) -> Iterator[str]:
    recipe, count = read_recipe(asked.recipe), retraining.planned(study, asked)
    with one_thread():
        pace = measure(recipe, dataset, ground.device, files)
    images = min(len(dataset.development), recipe.epoch_images or len(dataset.development))
    seconds = recipe.epochs * images * pace.seconds_per_train_image
    yield (
        f"{study.name}: at most {count} runs of {recipe.epochs} epochs of {recipe.backbone_name} "
        f"({pace.parameters / 1e6:.1f} million parameters), about {clock(seconds)} each"
    )
    if asked.heavier:
        both = " of the final and of the baseline recipe" if asked.baseline else ""
        yield f"first the learning rate{both} is tuned for it: x1/3, x1 and x3"
    if asked.on == "all":
        yield "it learns the test part, too: no honest score of what comes out will be left"


def _trained_on(asked: Retraining) -> str:
    return {
        "train": "trained on all folds but one",
        "train+val": "trained on all images but the test part",
        "all": "trained on all images",
    }[asked.on]

"""A trained run of a study as a model that anybody can load."""

import hashlib
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

from search import predictions
from search.chosen import Chosen
from search.edge import UserError
from search.model_card import card
from search.study import Study
from search.versions import versions
from trainer.data import Dataset
from trainer.exported import About, CodeFile, Model, PartOfLabel, packed, write
from trainer.heads import sizes_of
from trainer.normalise import Normalise
from trainer.rebuilt import architecture_of, net_of, stem_of
from trainer.recipe import RECIPE_VERSION, Recipe, read_recipe
from trainer.replicate import Replicate
from trainer.sources.mask_labels import CLASS_NAMES, PARTS
from trainer.sources.source import Part

Numbers = tuple[tuple[float, ...], tuple[float, ...]]  # (mean, standard deviation) of each channel


def model_of(chosen: Chosen, data: Callable[[], Dataset] | None = None) -> Model:
    """`data` gives the study's data where the database does not hold what images are normalised by.

    Raises `UserError`, RecipeError and ModelError, one line each.
    """
    study, recipe = chosen.study, read_recipe(chosen.row.recipe)
    facts, parts = study.resolved.data, parts_of(study)
    weights = dict(chosen.weights())
    heads = sizes_of(recipe, len(facts.classes), parts)
    architecture = architecture_of(recipe, sum(heads))
    convolutions, removed = stem_of(recipe, architecture)
    mean, spread = _normalisation(chosen, recipe, data)
    code = {each.file: each for each in study.resolved.code if each.digest in recipe.files}
    about = About(
        recipe_version=RECIPE_VERSION,
        class_names=facts.classes,
        heads=heads,
        parts=tuple(PartOfLabel(name=part.name, class_names=part.class_names) for part in parts),
        target=_target(study),
        data_kind=facts.kind,
        mean=mean,
        std=spread,
        channels=recipe.channels,
        stored_size=recipe.pixels,
        image_size=recipe.image_size,
        fit=recipe.fit,
        precision=recipe.precision,
        timm=architecture,
        convolutions=convolutions,
        removed=removed,
        code=tuple(CodeFile(file=each.file, digest=each.digest) for each in code.values()),
        weights_sha256=hashlib.sha256(packed(weights)).hexdigest(),
        metric=recipe.metric,
        score=chosen.score,
        test_score=chosen.row.test_score if chosen.pointer.kind == "final" else None,
        study=study.name,
        trial=chosen.trial,
        data=facts.name,
        data_digest=study.manifest.data_digest,
        versions=versions(),
    )
    return Model(about, recipe, weights, {name: each.text.encode("utf-8") for name, each in code.items()})


def export(chosen: Chosen, folder: Path, data: Callable[[], Dataset] | None = None) -> Model:
    """Writes the folder, whole or not at all. Raises `UserError`: it is there already, or cannot be written."""
    _refuse_taken(folder)
    model = model_of(chosen, data)
    save(model, folder, card(chosen, model))
    return model


def save(model: Model, folder: Path, about_it: str) -> None:
    """As `export`, of a model that is there, whose card is `about_it`. ModelError if its weights do not fit it."""
    _refuse_taken(folder)
    if model.about.timm is not None:  # a net of the user's own would have to run to be tried
        net_of(model, {})
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        write(model, part, about_it)
        with suppress(FileNotFoundError):
            folder.rmdir()  # an empty one: Windows replaces no folder
        part.replace(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder} ({error.strerror or error}); give another folder with --out") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def parts_of(study: Study) -> tuple[Part, ...]:
    """The parts of a label that is a product, where the study learned all of it."""
    return PARTS if study.resolved.data.classes == CLASS_NAMES else ()


def _refuse_taken(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} is there already; give a new folder with --out, or remove it")


def _target(study: Study) -> str | None:
    words = [word for word in study.resolved.data.options if word.startswith("--target=")]
    return words[0].partition("=")[2] if words else None


def _normalisation(chosen: Chosen, recipe: Recipe, data: Callable[[], Dataset] | None) -> Numbers:
    """As kept with the run's predictions, or from its training images once more."""
    kept = predictions.read(chosen.study, chosen.row.trial_id)
    if kept is not None and kept.normalisation is not None:
        return kept.normalisation
    if data is None:
        raise UserError(
            f"the database does not hold what the images of {chosen.trial} were normalised by (an earlier release, "
            "very many images, or none left to validate on): python -m search.export_model with --data, the study's "
            "data, makes a model of it"
        )
    dataset, replicate = data(), Replicate.numbered(chosen.row.replicate, chosen.study.definition.folds)
    train, _ = dataset.sides(replicate)
    return Normalise.of(recipe, dataset.shown(recipe.image_size), torch.from_numpy(train)).numbers

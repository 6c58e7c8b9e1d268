"""The data sets of the table: small, unlike each other, and made from what anybody can have."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from trainer.data import Dataset, Geometry, Source, SourceOptions, load, open_source
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run
from trainer.weights import digest_of_file

SIDE = 20  # pixels of those with larger pictures
DRAWERS = 12  # of 20
MOST, LEAST = 600, 60  # images of the most and the least frequent class of the long tail


@dataclass(frozen=True)
class Given:
    """Where this machine keeps what is not built in: Fashion-MNIST's four idx files, and Omniglot's small1 as npz."""

    fashion: Path
    omniglot: Path
    made: Path  # folder for weights that are trained once


@dataclass(frozen=True)
class Set:
    data: Dataset
    shape: Recipe  # how a recipe of this set sees its pictures
    files: dict[str, Path]


def digits(given: Given) -> Set:
    """1,797 digits of 8 x 8 pixels: nearly all recipes end close to each other."""
    return Set(load(open_source("digits"), Geometry(16, 1)), Recipe(image_size=16), {})


def long_tail(given: Given) -> Set:
    """Fashion-MNIST with 600 images of one class and 60 of another, evenly (in log) between: 2,452 in all."""
    counts = [round(MOST * (LEAST / MOST) ** (n / 9)) for n in range(10)]
    source = _clothes(given)
    rows = np.concatenate([np.flatnonzero(source.labels == n)[:count] for n, count in enumerate(counts)])
    return Set(load(source.kept(np.sort(rows)), Geometry(SIDE, 1)), Recipe(image_size=SIDE), {})


def alphabets(given: Given) -> Set:
    """Five alphabets of Omniglot by 12 drawers, validated on letters never seen in training, fine-tuned.

    The weights are those of a run on 6,000 images of Fashion-MNIST, in a file.
    """
    weights = given.made / "clothes.pth"
    if not weights.exists():
        data = load(_clothes(given).kept(np.arange(30_000, 36_000)), Geometry(SIDE, 1))
        run = Run(Recipe(image_size=SIDE, epochs=8, lr=0.004), Replicate.numbered(0), data, data.device)
        for _ in run:
            pass
        torch.save(run.averaged_weights(), weights)
    digest = digest_of_file(weights)
    source = open_source(given.omniglot, SourceOptions(label="y_alphabet", group="y_character"))
    rows = np.flatnonzero(np.load(given.omniglot)["drawer"] < DRAWERS)
    shape = Recipe(image_size=SIDE, weights=f"sha256:{digest}")
    return Set(load(source.kept(rows), Geometry(SIDE, 1)), shape, {digest: weights})


def _clothes(given: Given) -> Source:
    """The official training part of Fashion-MNIST."""
    source = open_source(given.fashion)
    if source.official_test is None:
        raise SystemExit(f"{given.fashion} has no official test part: give the folder of the four idx files")
    return replace(source.kept(np.flatnonzero(~source.official_test)), official_test=None)


SETS: dict[str, Callable[[Given], Set]] = {"digits": digits, "long tail": long_tail, "alphabets": alphabets}

"""The pictures of a benchmark, in a folder: made of any data that ceteris opens, by default of its handwritten digits.

The split is the one that our replicate 0 trains on, so that everybody learns from the same images. As arrays of the
trained size (`all.npz` for us, `train.npz` and `validation.npz` for the others), or as JPEG files in class folders
(`all/`, `train/`, `validation/`), larger than the trained size.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data import Geometry, load, open_source
from trainer.folds import cut
from trainer.normalise import fitted
from trainer.replicate import Replicate

JPEG_SIDE, JPEG_QUALITY = 128, 90  # pixels: smaller than what any camera writes, which is kind to who decodes often


@dataclass(frozen=True)
class Pictures:
    folder: Path
    files: bool
    classes: int
    mean: tuple[float, ...]  # per channel, of the training images at `size`, levels 0..1
    deviation: tuple[float, ...]
    train: int  # images
    validation: int


def prepare(folder: Path, data: str, size: int, channels: int, *, files: bool, limit: int = 0) -> Pictures:
    """Pictures made in the empty `folder`; at most `limit` of them (0: all), drawn evenly from their order."""
    decoded = load(open_source(data), Geometry(JPEG_SIDE if files else size, channels))
    images, labels = decoded.pixels.stored.numpy(), open_source(data).labels
    if 0 < limit < len(labels):
        chosen = np.linspace(0, len(labels) - 1, limit).astype(int)
        images, labels = images[chosen], labels[chosen]
    names = decoded.class_names
    write = _jpegs if files else _arrays
    write(folder, "all", images, labels, names)
    # As the worker opens it: its own order of the images decides which of them are held out.
    opened = load(open_source(str(folder / ("all" if files else "all.npz"))), Geometry(size, channels))
    parts = (opened.development[part] for part in cut(opened.strata, opened.groups, Replicate.numbered(0)))
    place = _places(folder, len(labels)) if files else np.arange(len(labels))
    rows = dict(zip(("train", "validation"), parts, strict=True))
    for part, index in rows.items():
        write(folder, part, images[place[index]], labels[place[index]], names, place[index])
    import torch

    mean, deviation = fitted(opened.images(size), torch.from_numpy(rows["train"]))
    levels = tuple(mean.tolist()), tuple(deviation.tolist())
    return Pictures(folder, files, len(names), *levels, len(rows["train"]), len(rows["validation"]))


def _arrays(
    folder: Path,
    part: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    place: NDArray[np.int64] | None = None,
) -> None:
    pixels = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    np.savez(folder / f"{part}.npz", images=pixels, labels=labels)


def _jpegs(
    folder: Path,
    part: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    place: NDArray[np.int64] | None = None,
) -> None:
    """Named by their place among all; a part is links to the files of all of them."""
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        name = f"{label:04}_{Path(names[label]).name}/{row if place is None else place[row]:06}.jpg"
        file = folder / part / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if place is None:
            picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
            picture.save(file, quality=JPEG_QUALITY)
        else:
            os.link(folder / "all" / name, file)


def _places(folder: Path, count: int) -> NDArray[np.int64]:
    """[N]: which of the written pictures is the i-th that our source has found."""
    names = open_source(str(folder / "all")).names
    assert len(names) == count
    return np.array([int(Path(name).stem) for name in names])

"""The 1,797 handwritten digits that come with scikit-learn: 8 x 8 grey pixels, real, no download."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.sources.pictures import ArrayPictures
from trainer.sources.source import Source

NAME = "digits"
_FILE = "sklearn/datasets/data/digits.csv.gz"  # a line per digit: 64 grey levels, then which it is


def digits() -> Source:
    """Nobody recorded who wrote which digit, so there are no groups. Grey levels 0..16 are spread over 0..255."""
    images, labels = _table()
    levels = np.round(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return Source(
        kind=NAME,
        name=NAME,
        class_names=tuple("0123456789"),
        names=tuple(f"digit {number}" for number in range(len(labels))),
        labels=labels.astype(np.int64),
        pictures=ArrayPictures(levels),
        default_image_size=16,
        default_channels=1,
    )


def _table() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(images [n, 64], labels [n]): the file alone where it lies as usual, for scikit-learn takes a second to load."""
    file = Path(str(distribution("scikit-learn").locate_file(_FILE)))
    if file.is_file():
        table = np.loadtxt(file, delimiter=",", dtype=np.float64)
        return table[:, :-1], table[:, -1].astype(np.int64)

    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return np.asarray(images), np.asarray(labels)

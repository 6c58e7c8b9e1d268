"""The 1,797 handwritten digits that come with scikit-learn: 8 x 8 grey pixels, real, no download."""

import numpy as np
from sklearn.datasets import load_digits

from trainer.sources.pictures import ArrayPictures
from trainer.sources.source import Source

NAME = "digits"


def digits() -> Source:
    """Nobody recorded who wrote which digit, so there are no groups. Grey levels 0..16 are spread over 0..255."""
    images, labels = map(np.asarray, load_digits(return_X_y=True))
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

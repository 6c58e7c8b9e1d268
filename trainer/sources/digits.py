"""The 1,797 handwritten digits that come with scikit-learn: 8 x 8 grey pixels, real, no download."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from trainer.sources.source import digest_of


class Digits:
    """A `Source`. Nobody recorded who wrote which digit, so there are no groups."""

    name = "digits"
    class_names = tuple("0123456789")
    groups = None
    default_image_size = 16
    default_channels = 1

    def __init__(self) -> None:
        images, labels = load_digits(return_X_y=True)
        self._levels: NDArray[np.uint8] = images.reshape(-1, 8, 8).astype(np.uint8)
        self.labels: NDArray[np.int64] = labels.astype(np.int64)
        self.digest = digest_of([("digits", hashlib.sha256(self._levels.tobytes()).digest())], self.labels, None)

    def decode(self, image_size: int, channels: int) -> NDArray[np.uint8]:
        """[1797, channels, image_size, image_size]: grey levels 0..16 spread over 0..255, resized bilinearly."""
        size, smooth = (image_size, image_size), Image.Resampling.BILINEAR
        levels = np.round(self._levels * (255 / 16)).astype(np.uint8)
        resized = np.stack([np.asarray(Image.fromarray(image).resize(size, smooth)) for image in levels])
        return np.repeat(resized[:, None], channels, axis=1)

"""`faces`: generated pictures of people with and without masks, shaped like the mask contest; nothing to download."""

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.sources.face_canvas import SIDE
from trainer.sources.face_drawing import draw
from trainer.sources.face_people import people
from trainer.sources.face_photo import Photo
from trainer.sources.mask_labels import CLASS_NAMES, MASK_OF_PHOTO, PARTS, class_of
from trainer.sources.source import Source

PHOTOS = ("mask1", "mask2", "mask3", "mask4", "mask5", "incorrect_mask", "normal")


def faces() -> Source:
    """1,680 pictures of 48 pixels: 240 persons, 7 photos each, 18 classes of 8 to 340 images; the person is the group.

    Drawn when they are first asked for, and the same on every machine.
    """
    cast = people()
    labels = [class_of(MASK_OF_PHOTO[photo], person.gender, person.age) for person in cast for photo in PHOTOS]
    return Source(
        kind="faces",
        name="faces",
        class_names=CLASS_NAMES,
        names=tuple(f"person{number:03d}/{photo}" for number in range(len(cast)) for photo in PHOTOS),
        labels=np.array(labels, dtype=np.int64),
        pictures=_Drawn(),
        groups=np.repeat(np.arange(len(cast), dtype=np.int64), len(PHOTOS)),
        parts=PARTS,
        default_image_size=32,
        default_channels=3,
        detailed=True,
    )


class _Drawn:
    def contents(self) -> Sequence[bytes]:
        return [hashlib.sha256(picture.tobytes()).digest() for picture in _album()]

    def open(self, index: int) -> Image.Image:
        return Image.fromarray(_album()[index])


@cache
def _album() -> NDArray[np.uint8]:
    """[1680, SIDE, SIDE, 3], read-only; kept for the life of the process."""
    cast = people()
    album = np.empty((len(cast) * len(PHOTOS), SIDE, SIDE, 3), dtype=np.uint8)
    for number, person in enumerate(cast):
        luck = np.random.RandomState(5000 + number)
        for place, photo in enumerate(PHOTOS):
            mask = PARTS[0].class_names[MASK_OF_PHOTO[photo]]
            album[number * len(PHOTOS) + place] = draw(person, Photo.drawn(mask, luck))
    album.setflags(write=False)
    return album

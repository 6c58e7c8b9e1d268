import hashlib

import numpy as np
import pytest
from PIL import Image

from trainer.sources import faces as module
from trainer.sources.face_people import CENSUS, people
from trainer.sources.faces import PARTS, PHOTOS, faces

KNOWN_PICTURES = {
    0: "01d9abdeea2c6cbe",
    6: "ab52a4b5da12ab28",
    5: "b636cb2c645c0dd5",
    700: "46afa2cd6e80dbd8",
    1679: "bb0fef7c74ffb707",
}


def drawn() -> np.ndarray:
    """[240, 7, 48, 48, 3]"""
    source = faces()
    pictures = np.stack([np.asarray(source.pictures.open(row)) for row in range(len(source))])
    return pictures.reshape(240, 7, *pictures.shape[1:])


def test_the_pictures_are_the_same_on_every_machine() -> None:
    contents = faces().pictures.contents()
    assert {row: contents[row].hex()[:16] for row in KNOWN_PICTURES} == KNOWN_PICTURES


def test_what_is_opened_is_what_the_contents_identify() -> None:
    source = faces()
    picture = source.pictures.open(8)
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.size) == ("RGB", (48, 48))
    assert hashlib.sha256(np.asarray(picture).tobytes()).digest() == source.pictures.contents()[8]


def test_no_two_pictures_are_alike() -> None:
    assert len(set(faces().pictures.contents())) == 1680


def test_nothing_is_drawn_before_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr(module, "draw", refuse)
    assert len(faces()) == 1680
    with pytest.raises(AssertionError, match="drawn"):
        module._album.__wrapped__()


def test_they_are_shaped_like_the_mask_contest() -> None:
    source = faces()
    assert source.groups is not None
    assert np.bincount(source.groups).tolist() == [7] * 240
    assert source.names[7:9] == ("person001/mask1", "person001/mask2")
    assert len(set(source.names)) == len(source) == 1680
    counts = np.bincount(source.labels, minlength=18)
    assert counts.min() > 0
    assert counts.max() > 20 * counts.min()
    persons = np.array(CENSUS)
    assert persons[1].sum() / persons.sum() == 0.6
    assert persons[:, 2].sum() / persons.sum() == pytest.approx(0.08, abs=0.01)


def test_the_class_is_numbered_mask_then_gender_then_age() -> None:
    source = faces()
    for row in (0, 5, 6, 700, 1679):
        person, mask = people()[row // 7], {"incorrect_mask": 1, "normal": 2}.get(PHOTOS[row % 7], 0)
        assert source.labels[row] == mask * 6 + person.gender * 3 + person.age
        words = source.class_names[source.labels[row]].split()
        values = (mask, person.gender, person.age)
        assert words == [part.class_names[value] for part, value in zip(PARTS, values, strict=True)]


def test_a_person_is_recognised_from_one_photo_to_the_next() -> None:
    """The picture nearest in plain pixels shows the same person, far more often than one time in 279."""
    pixels = drawn().reshape(1680, 16, 3, 16, 3, 3).mean(axis=(2, 4)).reshape(1680, -1)
    pixels -= pixels.mean(axis=1, keepdims=True)
    squares = (pixels**2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2 * pixels @ pixels.T
    np.fill_diagonal(distance, np.inf)
    assert np.mean(distance.argmin(axis=1) // 7 == np.arange(1680) // 7) > 0.5


def test_a_mask_covers_the_mouth_and_a_worn_one_the_nose() -> None:
    """Where mouth and nose are, masked photos differ more from the bare one than the photos' own jitter does."""
    pictures = drawn().astype(float)
    change = np.abs(pictures[:, :6] - pictures[:, 6:]).mean(axis=(0, 4))  # [6, 48, 48] from the photo without a mask
    mouth, nose, forehead = (
        change[:, rows, 20:28].mean(axis=(1, 2)) for rows in (slice(34, 38), slice(26, 30), slice(14, 18))
    )
    assert (mouth > 1.5 * forehead).all()
    assert nose[:5].min() > 1.3 * nose[5]

"""One picture of one person of `faces`."""

import numpy as np
from numpy.typing import NDArray

from trainer.sources.face_canvas import MIDDLE as X
from trainer.sources.face_canvas import SIDE, Canvas, tinted
from trainer.sources.face_head import CHIN, EYES, WHITE, features, glasses, hair_in_front, head, outline_of
from trainer.sources.face_people import Person
from trainer.sources.face_photo import Photo
from trainer.sources.face_scene import body, hair_behind, wall


def draw(person: Person, photo: Photo) -> NDArray[np.uint8]:
    """RGB [SIDE, SIDE, 3]."""
    canvas = Canvas(person.wall, photo.scale, photo.shift)
    wall(canvas, person)
    hair_behind(canvas, person)
    body(canvas, person)
    head(canvas, person, photo)
    hair_in_front(canvas, person, photo.turn)
    features(canvas, person, photo)
    glasses(canvas, person, photo.turn)
    _mask(canvas, person, photo)
    pixels = canvas.averaged()
    light = photo.brightness * 100 + photo.slope * 100 * (np.arange(SIDE) - SIDE // 2) // SIDE
    noise = np.random.RandomState(photo.noise).randint(-5, 6, size=(SIDE, SIDE, 1))
    return np.clip(pixels * light[None, :, None] // 10_000 + noise, 0, 255).astype(np.uint8)


def _mask(canvas: Canvas, person: Person, photo: Photo) -> None:
    if photo.mask == "normal":
        return
    colour, x = photo.mask_colour, X + photo.turn // 2
    fold = tinted(colour, 86) if sum(colour) > 250 else tinted(colour, 122)
    nose = EYES + person.nose_length + 8
    if photo.mask == "wear":
        top = nose - 12
    else:
        top = EYES + 41 if photo.below_mouth else nose + 8
    chin = CHIN + 4 + (4 if photo.mask == "incorrect" and photo.below_mouth else 0)
    a = person.half_width
    for side in (-1, 1):
        ear = X + side * (a - 1)
        canvas.line(WHITE, (x + side * (a - 7), top + 5), (ear, EYES + 4), 4)
        canvas.line(WHITE, (x + side * (a - 9), chin - 10), (ear, EYES + 16), 4)
    depth = np.arange(chin - top)
    outline = outline_of(person)
    covered = outline[np.minimum(top - (CHIN - 2 * person.half_height) + depth, len(outline) - 1)]
    rounded = np.maximum(covered, a * 52 // 100) + 1
    canvas.rows(colour, x, top, np.minimum(rounded, 16 + depth * 5))
    for part in (1, 2, 3):
        y = top + (chin - top) * part // 4 + 2
        canvas.curve(fold, x, y, a * 62 // 100, -3, 3)

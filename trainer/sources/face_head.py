"""A head of `faces`, drawn over the scene: outline, hair, features, glasses."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainer.sources.face_canvas import MIDDLE as X
from trainer.sources.face_canvas import Canvas, Colour, tinted
from trainer.sources.face_people import Person
from trainer.sources.face_photo import Photo

EYES, CHIN = 70, 118  # heights: of the eyes, and about that of the chin
WHITE: Colour = (250, 249, 246)
DARK: Colour = (38, 30, 32)


def outline_of(person: Person) -> NDArray[np.int64]:
    """Half-widths of the head, row by row, from its top at CHIN - 2 * half_height to the chin."""
    a, b = person.half_width, person.half_height
    dy = np.arange(-b, b + 1)
    round_head = a * np.sqrt(b**4 - np.maximum(dy, 0) ** 4 - np.minimum(dy, 0) ** 2 * b * b).astype(np.int64) // (b * b)
    return round_head * (100 * b - person.jaw * np.maximum(dy, 0)) // (100 * b)


def head(canvas: Canvas, person: Person, photo: Photo) -> None:
    shade, a = tinted(person.skin, 88), person.half_width
    for side in (-1, 1):
        canvas.ellipse(shade, X + side * (a - 1) + photo.turn // 3, EYES + 8, 6, 9)
        if person.earrings:
            canvas.ellipse((238, 206, 96), X + side * (a + 1) + photo.turn // 3, EYES + 19, 3, 4)
    outline = outline_of(person)
    top = CHIN - 2 * person.half_height
    canvas.rows(shade, X, top, outline)
    canvas.rows(person.skin, X + photo.turn // 3, top, outline - 2)
    for line in range(person.wrinkles):  # some vanish below the hair
        canvas.curve(tinted(person.skin, 84), X + photo.turn, EYES - 21 - 5 * line, 14, 1, 3)


def hair_in_front(canvas: Canvas, person: Person, turn: int) -> None:
    """Over head and ears; the face shows in an opening whose upper edge is the fringe."""
    if person.hair == "bald":
        return
    colour, light = person.hair_colour, tinted(person.hair_colour, 118)
    a, top = person.half_width + 2, CHIN - 2 * person.half_height - 3
    x = X + turn // 3
    low = EYES + 22 if person.hair in ("long", "bob", "curly") else EYES + 2
    canvas.ellipse(colour, X, EYES - 4, a, EYES - 4 - top, bottom=low)
    inner, line = a - 5, top + {"receding": 11, "up": 15, "straight": 22}.get(person.fringe, 18)
    height = EYES + 8 - line
    match person.fringe:
        case "side":
            canvas.ellipse(person.skin, x - 8, EYES + 8, inner - 6, height)
            canvas.ellipse(person.skin, x, EYES + 8, inner, height - 8)
        case "middle":
            canvas.ellipse(person.skin, x - inner // 2 - 1, EYES + 4, inner // 2 + 1, height - 4)
            canvas.ellipse(person.skin, x + inner // 2 + 1, EYES + 4, inner // 2 + 1, height - 4)
            canvas.ellipse(person.skin, x, EYES + 10, inner, height - 14)
        case "straight":
            canvas.rows(person.skin, x, line, np.full(EYES + 24 - line, inner))
        case "receding":
            canvas.ellipse(person.skin, x, EYES + 8, inner, height)
            canvas.ellipse(person.skin, x, EYES - 14, inner - 3, EYES - 14 - line)
        case _:
            canvas.ellipse(person.skin, x, EYES + 8, inner, height)
    canvas.rows(person.skin, x, EYES + 6, np.full(20, inner))
    canvas.curve(light, X + turn // 2 - 6, top + 7, a - 20, 2, 7)


def features(canvas: Canvas, person: Person, photo: Photo) -> None:
    for side in (-1, 1):
        _eye(canvas, person, photo, side)
    x, shade = X + photo.turn, tinted(person.skin, 84)
    nose = EYES + person.nose_length + 8
    canvas.line(shade, (x + 1, EYES + 4), (x + 2, nose - 2), 6)
    canvas.ellipse(shade, x, nose, person.nose, 3)
    _mouth(canvas, person, photo)


def _eye(canvas: Canvas, person: Person, photo: Photo, side: int) -> None:
    """With the brow above it and the cheek below; `side` -1 is the left one of the picture."""
    eye, size, skin = X + photo.turn + side * person.eye_gap, person.eye_size, person.skin
    deep, brow = tinted(skin, 70), tinted(person.hair_colour, 76)
    canvas.ellipse((232, 130, 120) if skin[0] > 200 else tinted(skin, 84), eye + side * 3, EYES + 19, 6, 4)
    canvas.ellipse(skin, eye + side * 3, EYES + 17, 7, 4)
    if photo.blink:
        canvas.curve(DARK, eye, EYES + 1, size, -2, 5)
    else:
        canvas.ellipse(WHITE, eye, EYES, size, size - 2)
        canvas.ellipse(person.iris, eye + photo.turn // 4, EYES, 4, 4)
        canvas.ellipse(DARK, eye + photo.turn // 4, EYES, 2, 2)
        canvas.curve(DARK, eye, EYES - size + 2, size, 2, 5, slant=side * person.eye_slant)
    canvas.curve(brow, eye, EYES - 13, size + 3, 2, person.brow, slant=-side * person.brow_slant)
    if person.wrinkles:
        canvas.curve(deep, eye, EYES + 8, size - 1, -2, 3)
    if person.wrinkles > 1:
        canvas.curve(deep, X + photo.turn + side * (person.mouth + 5), EYES + 30, 3, 0, 3, slant=side * 6)
    for dx, dy in ((-3, 13), (1, 15), (4, 12)) if person.freckles else ():
        canvas.ellipse(deep, eye + dx, EYES + dy, 1, 1)


def _mouth(canvas: Canvas, person: Person, photo: Photo) -> None:
    x, y, brow, shade = X + photo.turn, EYES + 32, tinted(person.hair_colour, 76), tinted(person.skin, 84)
    match person.beard:
        case "full":
            chin = outline_of(person)[y - 6 - (CHIN - 2 * person.half_height) :] - 1
            canvas.rows(brow, X + photo.turn // 3, y - 6, chin)
            canvas.ellipse(person.skin, x, y - 6, person.half_width - 11, 7)
            canvas.curve(brow, x, y - 6, person.mouth + 2, 4, 10)
        case "moustache":
            canvas.curve(brow, x, y - 6, person.mouth, 4, 11)
        case "stubble":
            canvas.ellipse(shade, x, y + 4, person.mouth + 6, 10)
        case _:
            canvas.ellipse(shade, x, y + 9, 6, 2)
    canvas.curve(person.lips, x, y + photo.smile // 2, person.mouth, -photo.smile, 9)
    if photo.smile > 4:
        canvas.curve(WHITE, x, y + photo.smile // 2 - 1, person.mouth - 4, -photo.smile // 2, 5)


def glasses(canvas: Canvas, person: Person, turn: int) -> None:
    x = X + turn
    if person.glasses == "none":
        return
    for side in (-1, 1):
        eye = x + side * person.eye_gap
        if person.glasses == "round":
            canvas.ring(DARK, eye, EYES, 11, 4)
        else:
            left, right, top, bottom = eye - 12, eye + 12, EYES - 8, EYES + 9
            corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
            for start, end in pairwise(corners):
                canvas.line(DARK, start, end, 4)
        canvas.line(DARK, (eye + side * 12, EYES - 2), (X + side * (person.half_width - 1), EYES), 4)
    canvas.curve(DARK, x, EYES - 2, max(person.eye_gap - 11, 2), 1, 4)

"""What is around a head of `faces`: wall, hair behind the shoulders, clothes."""

import numpy as np

from trainer.sources.face_canvas import MIDDLE as X
from trainer.sources.face_canvas import SPAN, Canvas, Colour, tinted
from trainer.sources.face_people import Person

_WHITE: Colour = (250, 249, 246)


def wall(canvas: Canvas, person: Person) -> None:
    lighter, darker = tinted(person.wall, 130), tinted(person.wall, 84)
    match person.wall_kind:
        case "window":
            canvas.rows(lighter, 118, -20, np.full(70, 26))
            canvas.rows(darker, 118, -20, np.full(70, 2))
            canvas.rows(darker, 118, 10, np.full(4, 26))
        case "stripes":
            for x in range(-24, SPAN + 24, 28):
                canvas.rows(lighter, x, -30, np.full(SPAN + 60, 6))
        case "two":
            canvas.rows(darker, X, 96, np.full(90, SPAN))
            canvas.rows(lighter, X, 93, np.full(3, SPAN))
        case "lamp":
            canvas.ellipse(lighter, 18, 18, 26, 26)


def hair_behind(canvas: Canvas, person: Person) -> None:
    a, colour = person.half_width, tinted(person.hair_colour, 82)
    match person.hair:
        case "long":
            canvas.ellipse(colour, X, 62, a + 10, 50)
            canvas.rows(colour, X, 62, np.minimum(a + 10, a + 7 + np.arange(66) // 12))
        case "bob":
            canvas.ellipse(colour, X, 62, a + 11, 48)
            canvas.rows(colour, X, 62, a + 11 - np.arange(38) ** 2 // 240)
        case "curly":
            for x, y in ((-34, 58), (-36, 76), (-24, 36), (0, 28), (24, 36), (34, 58), (36, 76)):
                canvas.ellipse(colour, X + x, y, 17, 17)
        case "bun":
            canvas.ellipse(person.hair_colour, X, 20, 15, 14)
            canvas.curve(colour, X, 30, 13, 2, 8)
            canvas.ellipse(colour, X, 60, a + 3, 42)
        case "short":
            canvas.ellipse(colour, X, 62, a + 4, 44, bottom=84)


def body(canvas: Canvas, person: Person) -> None:
    shade, cloth, second = tinted(person.skin, 84), person.cloth, person.second_cloth
    if person.cloth_kind == "hood":
        canvas.ellipse(tinted(cloth, 80), X, 124, 46, 26)
    canvas.ellipse(cloth, X, 168, 66, 48)
    if person.cloth_kind == "stripes":
        canvas.stripes(second, cloth, 12)
    canvas.rows(shade, X, 100, np.full(28, 15))
    match person.cloth_kind:
        case "neck":
            canvas.rows(shade, X, 120, 20 - np.arange(20))
        case "collar":
            canvas.rows(_WHITE, X, 118, 24 - np.arange(22))
            canvas.rows(shade, X, 118, 14 - np.arange(14))
            canvas.rows(second, X, 132, np.full(20, 4))
        case "scarf":
            canvas.ellipse(second, X, 127, 30, 11)
            canvas.rows(tinted(second, 86), X + 14, 128, np.full(30, 7))
        case "hood":
            canvas.line(_WHITE, (X - 10, 128), (X - 11, 142), 4)
            canvas.line(_WHITE, (X + 10, 128), (X + 11, 142), 4)
        case _:
            canvas.ellipse(shade, X, 121, 18, 7)

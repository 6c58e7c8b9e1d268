"""The people of `faces`: 240 of them, each recognisable, gender and age only hinted at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from trainer.sources.face_canvas import Colour, tinted

Value = TypeVar("Value")

# Persons by gender (male, female) and age (<30, 30-59, >=60).
CENSUS = ((44, 44, 8), (68, 64, 12))
MISLEADING = 15  # percent of hints drawn as if for another gender or age: people are like that

_SKIN: tuple[Colour, ...] = (
    (241, 209, 184), (234, 194, 162), (226, 182, 146), (205, 158, 118), (167, 118, 82), (118, 80, 56),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = (
    (30, 26, 28), (54, 38, 30), (92, 60, 38), (134, 74, 40), (196, 150, 84), (226, 196, 130), (150, 52, 36),
)  # fmt: skip
_GREY_HAIR: tuple[Colour, ...] = ((150, 148, 150), (196, 194, 194), (226, 224, 222), (112, 110, 114))
_DYED: tuple[Colour, ...] = ((64, 132, 150), (188, 84, 128), (110, 84, 160))
_IRIS: tuple[Colour, ...] = ((60, 40, 28), (96, 66, 38), (70, 104, 70), (74, 112, 150), (104, 116, 122))
_WALL: tuple[Colour, ...] = (
    (172, 204, 222), (218, 196, 170), (190, 212, 176), (222, 186, 190), (196, 188, 218), (232, 216, 160),
    (150, 176, 182), (206, 206, 204), (116, 140, 168), (176, 148, 132), (128, 160, 136), (240, 196, 160),
)  # fmt: skip
# Bright ones first: the young draw from the front, the old from the back, with much in common.
_CLOTH: tuple[Colour, ...] = (
    (226, 140, 140), (222, 174, 72), (70, 130, 134), (176, 62, 58), (104, 152, 190), (240, 240, 236), (44, 44, 50),
    (84, 128, 96), (52, 66, 104), (128, 92, 140), (172, 176, 180), (150, 106, 76), (110, 60, 66), (196, 184, 160),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Lengths in canvas units. `hair` None is bald; `wrinkles` 0..3."""

    gender: int
    age: int
    skin: Colour
    hair_colour: Colour
    hair: str
    fringe: str
    half_width: int
    half_height: int
    jaw: int  # percent of the half-width that is lost at the chin
    iris: Colour
    eye_gap: int
    eye_size: int
    eye_slant: int
    brow: int  # thickness
    brow_slant: int
    nose: int  # half-width
    nose_length: int
    mouth: int  # half-width
    lips: Colour
    beard: str
    wrinkles: int
    freckles: bool
    glasses: str
    earrings: bool
    wall: Colour
    wall_kind: str
    cloth: Colour
    second_cloth: Colour
    cloth_kind: str


def people() -> list[Person]:
    """In a fixed order, genders and ages mixed."""
    kinds = [
        (gender, age) for gender, ages in enumerate(CENSUS) for age, count in enumerate(ages) for _ in range(count)
    ]
    np.random.RandomState(11).shuffle(kinds)
    return [_person(gender, age, np.random.RandomState(1000 + number)) for number, (gender, age) in enumerate(kinds)]


def _person(gender: int, age: int, luck: np.random.RandomState) -> Person:
    def chance(percent: int) -> bool:
        return bool(luck.randint(0, 100) < percent)

    def between(low: int, high: int) -> int:
        return int(luck.randint(low, high + 1))

    def one(values: Sequence[Value]) -> Value:
        return values[between(0, len(values) - 1)]

    def look_gender() -> int:
        return 1 - gender if chance(MISLEADING) else gender

    def look_age() -> int:
        return (age + between(1, 2)) % 3 if chance(MISLEADING) else age

    tone = between(0, len(_SKIN) - 1)
    skin = tinted(_SKIN[tone], between(93, 106))
    hair_colour = tinted(one(_HAIR if tone < 3 else _HAIR[:3]), between(85, 112))
    if chance((3, 22, 85)[look_age()]):
        hair_colour = one(_GREY_HAIR)
    elif chance((9, 3, 0)[age]):
        hair_colour = one(_DYED)
    style = look_gender()
    hair = one(
        (
            ("short", "short", "short", "short", "short", "bald", "curly", "long"),
            ("long", "long", "long", "long", "bob", "bob", "bun", "curly"),
        )[style]
    )
    fringe = one((("side", "up", "straight", "receding"), ("side", "straight", "middle", "middle"))[style])
    if style == 0 and look_age() == 2:
        hair, fringe = one((("bald", fringe), ("short", "receding"), (hair, "receding")))
    feature, dressed = look_gender(), 4 * look_age()
    wall = tinted(one(_WALL), between(82, 112))
    return Person(
        gender=gender,
        age=age,
        skin=skin,
        hair_colour=hair_colour,
        hair=hair,
        fringe=fringe,
        half_width=between(31, 36) + (3, 0)[look_gender()],
        half_height=between(41, 47),
        jaw=between(18, 40) + (0, 10)[look_gender()],
        iris=one(_IRIS),
        eye_gap=between(14, 17),
        eye_size=between(5, 6) + (0, 1)[look_gender()] + (1, 0, 0)[look_age()],
        eye_slant=between(-2, 2),
        brow=between(3, 7) + (4, 0)[look_gender()],
        brow_slant=between(-3, 1),
        nose=between(4, 7),
        nose_length=between(8, 13),
        mouth=between(9, 14),
        lips=(tinted(skin, 72), (186, 70, 74), (204, 92, 98))[between(0, 1) + (0, 1)[feature]],
        beard=one(("none", "none", "stubble", "moustache", "full")) if feature == 0 and gender == 0 else "none",
        wrinkles=between(*((0, 0), (0, 2), (2, 3))[look_age()]),
        freckles=chance(12),
        glasses=one(("round", "square")) if chance((15, 28, 50)[look_age()]) else "none",
        earrings=chance((4, 40)[feature]),
        wall=wall,
        wall_kind=one(("plain", "window", "stripes", "two", "lamp")),
        cloth=tinted(one(_CLOTH[dressed : dressed + 6]), between(88, 108)),
        second_cloth=one(_CLOTH),
        cloth_kind=one(
            (("collar", "collar", "plain", "stripes", "hood"), ("scarf", "neck", "plain", "stripes", "hood"))[feature]
        ),
    )

"""The 18 classes of the mask contest: mask x gender x age, in the contest's own numbering."""

from itertools import product

from trainer.sources.source import Part

PARTS = (
    Part("mask", ("wear", "incorrect", "normal")),
    Part("gender", ("male", "female")),
    Part("age", ("<30", "30-59", ">=60")),
)
CLASS_NAMES = tuple(" ".join(names) for names in product(*(part.class_names for part in PARTS)))
MASK_OF_PHOTO = {f"mask{number}": 0 for number in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}


def class_of(mask: int, gender: int, age: int) -> int:
    """mask * 6 + gender * 3 + age."""
    return (mask * len(PARTS[1].class_names) + gender) * len(PARTS[2].class_names) + age


def age_band(years: float) -> int:
    """0 below 30, 1 below 60, 2 from 60 on."""
    return int(years >= 30) + int(years >= 60)

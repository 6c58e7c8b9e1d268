"""What differs between two pictures of one person of `faces`."""

from dataclasses import dataclass

import numpy as np

from trainer.sources.face_canvas import Colour, tinted

_MASKS: tuple[Colour, ...] = (
    (158, 200, 226), (158, 200, 226), (240, 242, 242), (240, 242, 242), (50, 52, 58), (236, 184, 196), (94, 110, 140),
)  # fmt: skip


@dataclass(frozen=True)
class Photo:
    """Lengths in canvas units. `mask`: wear, incorrect or normal (none)."""

    mask: str
    mask_colour: Colour
    below_mouth: bool  # where an incorrect mask hangs: on the chin, else under the nose
    scale: int  # percent
    shift: tuple[int, int]
    turn: int  # units that the features move sideways within the head
    smile: int
    blink: bool
    brightness: int  # percent
    slope: int  # percent from the left border to the right one
    noise: int  # seed

    @classmethod
    def drawn(cls, mask: str, luck: np.random.RandomState) -> "Photo":
        def between(low: int, high: int) -> int:
            return int(luck.randint(low, high + 1))

        return cls(
            mask=mask,
            mask_colour=tinted(_MASKS[between(0, len(_MASKS) - 1)], between(92, 104)),
            below_mouth=between(0, 2) == 0,
            scale=between(93, 106),
            shift=(between(-5, 5), between(-3, 5)),
            turn=between(-4, 4),
            smile=between(0, 7),
            blink=between(0, 11) == 0,
            brightness=between(87, 108),
            slope=between(-8, 8),
            noise=between(0, 2**31 - 2),
        )

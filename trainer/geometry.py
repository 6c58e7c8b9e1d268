"""How a picture becomes a square of bytes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Geometry:
    """`size` pixels square, grey (1) or RGB (3); `fit`: cut to the centre, padded with black, or squashed."""

    size: int
    channels: int
    fit: Literal["crop", "pad", "squash"] = "crop"

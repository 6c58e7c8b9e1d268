"""The signs of the live view: pretty ones where the terminal speaks Unicode, plain ASCII elsewhere (cp949, cp1252)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Signs:
    done: str
    now: str
    later: str
    full: str
    empty: str
    levels: str
    cut: str


PRETTY = Signs(done="✓", now="▸", later="·", full="━", empty="─", levels="▁▂▃▄▅▆▇█", cut="…")
PLAIN = Signs(done="*", now=">", later=".", full="#", empty="-", levels="_.-:=+*#", cut="~")


def sparkline(values: Sequence[float], width: int, signs: Signs) -> str:
    """At most `width` characters, the last one for the last value; from the lowest to the highest of them.

    What is not a number is a gap. A longer curve is thinned, its last value kept.
    """
    shown = list(values)
    if len(shown) > width > 0:
        step = (len(shown) - 1) / max(1, width - 1)
        shown = [shown[round(place * step)] for place in range(width)]
    known = [value for value in shown if math.isfinite(value)]
    if not known or width <= 0:
        return ""
    low, span, top = min(known), max(known) - min(known), len(signs.levels) - 1
    heights = [round((value - low) / span * top) if span else top for value in known]
    drawn = iter(heights)
    return "".join(signs.levels[next(drawn)] if math.isfinite(value) else " " for value in shown)


def bar(share: float, width: int, signs: Signs) -> tuple[str, str]:
    """The full and the empty part of a bar of `width`."""
    full = round(min(1.0, max(0.0, share)) * width)
    return signs.full * full, signs.empty * (width - full)

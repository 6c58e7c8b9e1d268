"""A small canvas for `faces`: whole numbers only, so that a picture has the same bytes on every machine."""

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Mask = NDArray[np.bool_]

SIDE = 48  # pixels of the finished picture
FINE = 3  # drawn so many times larger, then averaged: smooth edges
SPAN = SIDE * FINE  # canvas units along a side
MIDDLE = SPAN // 2
_STEPS = 64  # a curve is followed in 64ths of a unit
_AXIS = np.arange(SPAN, dtype=np.int64)


class Canvas:
    """Shapes are given in units of an unmoved head; `scale` (percent) and `shift` (units) place them in the picture."""

    def __init__(self, background: Colour, scale: int, shift: tuple[int, int]) -> None:
        self._packed = np.full((SPAN, SPAN), _packed(background), dtype=np.int32)
        self._scale = scale
        self._shift = shift

    def ellipse(self, colour: Colour, x: int, y: int, a: int, b: int, top: int = 0, bottom: int = SPAN) -> None:
        """Half-axes a and b; rows `top` to `bottom` of it only."""
        (x, y), a, b = self._place(x, y), self._length(a), self._length(b)
        low, high = self._place(0, top)[1], self._place(0, bottom)[1]
        box, dx, dy = self._box(x - a, max(y - b, low), x + a, min(y + b, high), x, y)
        self._packed[box][dx * dx * (b * b) + dy * dy * (a * a) <= a * a * b * b] = _packed(colour)

    def rows(self, colour: Colour, x: int, top: int, half_widths: NDArray[np.int64]) -> None:
        """Mirror-symmetric about `x`: the row at top + i reaches half_widths[i] to either side (negative: no row)."""
        centre, start = self._place(x, top)
        count = self._length(len(half_widths))
        nearest = np.minimum(np.arange(count) * 100 // self._scale, len(half_widths) - 1)
        widths = half_widths[nearest] * self._scale // 100
        widest = int(widths.max(initial=0))
        box, dx, dy = self._box(centre - widest, start, centre + widest, start + count - 1, centre, start)
        self._packed[box][np.abs(dx) <= widths[dy]] = _packed(colour)

    def curve(self, colour: Colour, x: int, y: int, a: int, bend: int, thick: int, slant: int = 0) -> None:
        """A stroke of half-thickness thick/4 units about the parabola through (x, y).

        It reaches `a` units to either side, its ends `bend` units lower than its middle (negative: higher); `slant`
        lowers the right end and raises the left one.
        """
        (x, y), a = self._place(x, y), max(self._length(a), 1)
        reach = abs(bend) + abs(slant) + thick
        box, dx, dy = self._box(x - a, y - reach, x + a, y + reach, x, y)
        path = bend * _STEPS * dx * dx // (a * a) + slant * _STEPS * dx // a
        self._packed[box][np.abs(dy * _STEPS - path) <= thick * _STEPS // 4] = _packed(colour)

    def line(self, colour: Colour, start: tuple[int, int], end: tuple[int, int], thick: int) -> None:
        """A straight stroke of half-thickness thick/4 units."""
        (x0, y0), (x1, y1) = self._place(*start), self._place(*end)
        box, dx, dy = self._box(
            min(x0, x1) - thick, min(y0, y1) - thick, max(x0, x1) + thick, max(y0, y1) + thick, x0, y0
        )
        ex, ey = x1 - x0, y1 - y0
        along, across, length = dx * ex + dy * ey, dx * ey - dy * ex, max(ex * ex + ey * ey, 1)
        stroke = (along >= 0) & (along <= length) & (across * across * 16 <= thick * thick * length)
        self._packed[box][stroke] = _packed(colour)

    def stripes(self, colour: Colour, on: Colour, every: int) -> None:
        """Horizontal stripes in `colour` where the canvas shows `on`, `every` units apart, half as thick."""
        self._packed[(self._packed == _packed(on)) & (np.arange(SPAN)[:, None] % every < every // 2)] = _packed(colour)

    def ring(self, colour: Colour, x: int, y: int, radius: int, thick: int) -> None:
        """A circle drawn with a stroke of half-thickness thick/4 units."""
        (x, y), radius = self._place(x, y), self._length(radius)
        reach = radius + thick
        box, dx, dy = self._box(x - reach, y - reach, x + reach, y + reach, x, y)
        square = 16 * (dx * dx + dy * dy)
        near, far = 4 * radius - thick, 4 * radius + thick
        self._packed[box][(square >= near * near) & (square <= far * far)] = _packed(colour)

    def averaged(self) -> NDArray[np.int32]:
        """[SIDE, SIDE, 3], each pixel the mean of its FINE x FINE units."""
        red_and_blue, green = _summed(self._packed & 0xFF00FF), _summed(self._packed >> 8 & 0xFF)
        return np.stack([red_and_blue >> 16, green, red_and_blue & 0xFFFF], axis=-1) // (FINE * FINE)

    def _place(self, x: int, y: int) -> tuple[int, int]:
        return (
            MIDDLE + self._shift[0] + (x - MIDDLE) * self._scale // 100,
            MIDDLE + self._shift[1] + (y - MIDDLE) * self._scale // 100,
        )

    def _length(self, units: int) -> int:
        return units * self._scale // 100

    def _box(
        self, left: int, top: int, right: int, bottom: int, x: int, y: int
    ) -> tuple[tuple[slice, slice], NDArray[np.int64], NDArray[np.int64]]:
        """The part of the box on the canvas; its columns [1, w] counted from x, its rows [h, 1] counted from y."""
        rows, columns = slice(max(top, 0), max(bottom + 1, 0)), slice(max(left, 0), max(right + 1, 0))
        return (rows, columns), _AXIS[None, columns] - x, _AXIS[rows, None] - y


def _summed(canvas: NDArray[np.int32]) -> NDArray[np.int32]:
    """[SIDE, SIDE]: over each pixel's FINE x FINE units."""
    columns = sum((canvas[start::FINE] for start in range(1, FINE)), start=canvas[::FINE])
    return sum((columns[:, start::FINE] for start in range(1, FINE)), start=columns[:, ::FINE])


def _packed(colour: Colour) -> int:
    red, green, blue = (min(max(part, 0), 255) for part in colour)
    return red << 16 | green << 8 | blue


def tinted(colour: Colour, percent: int) -> Colour:
    """Darker below 100 percent; above, moved towards white."""
    if percent <= 100:
        red, green, blue = (part * percent // 100 for part in colour)
    else:
        red, green, blue = (part + (255 - part) * (percent - 100) // 100 for part in colour)
    return red, green, blue

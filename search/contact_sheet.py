"""The worst mistakes of a run as one picture: what was shown, what it is, what was answered and how surely."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.canvas import HANGUL_FILES, INK, QUIET, STOPS, shown

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

MOST = 24  # tiles
COLUMNS, TILE, GAP, MARGIN = 6, 176, 20, 28  # pixels
TITLE, NOTE_LINE, LINES, SMALL = 44, 24, 50, 15  # heights
NARROWEST, NOTE_COLUMNS = 700, 78
PAPER, EDGE, WRONG = "#ffffff", "#d4d9df", STOPS["diverged"]


@dataclass(frozen=True)
class Mistake:
    """`pixels` is uint8 [C, H, W] with one channel or three; `probability` that of the class answered."""

    pixels: NDArray[np.uint8]
    truth: str
    answer: str
    probability: float


def contact_sheet(title: str, mistakes: Sequence[Mistake], note: str = "") -> bytes:
    """A PNG of at most 24 of them, in the order given. `note` stands below the title."""
    from PIL import Image, ImageDraw

    told, notes = mistakes[:MOST], textwrap.wrap(note, NOTE_COLUMNS)
    columns = max(1, min(COLUMNS, len(told)))
    rows = -(-len(told) // columns)
    width = max(2 * MARGIN + columns * (TILE + GAP) - GAP, NARROWEST)
    top = MARGIN + TITLE + NOTE_LINE * len(notes)
    sheet = Image.new("RGB", (width, top + rows * (TILE + LINES + GAP) + MARGIN // 2), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN - 4), shown(title, 60), INK, font(title, 22))
    for number, line in enumerate(notes):
        pen.text((MARGIN, MARGIN + 30 + NOTE_LINE * number), line, QUIET, font(line, 16))
    for place, mistake in enumerate(told):
        x = MARGIN + place % columns * (TILE + GAP)
        y = top + place // columns * (TILE + LINES + GAP)
        sheet.paste(_tile(mistake.pixels), (x, y))
        pen.rectangle((x - 1, y - 1, x + TILE, y + TILE), outline=EDGE)
        _line(pen, (x, y + TILE + 6), "is ", mistake.truth, "", INK)
        _line(pen, (x, y + TILE + 28), "→ ", mistake.answer, f" {100 * mistake.probability:.0f} %", WRONG)
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def page(title: str, note: str) -> bytes:
    """A picture that says why there is nothing to see."""
    return contact_sheet(title, (), note)


def _line(pen: "ImageDraw", at: tuple[int, int], before: str, name: str, after: str, colour: str) -> None:
    """`name` between two quiet words, shortened to the width of a tile."""
    x, y = at
    fixed = pen.textlength(before, font("", SMALL)) + pen.textlength(after, font("", SMALL))
    most = 24
    while most > 2 and fixed + pen.textlength(shown(name, most), font(name, SMALL)) > TILE:
        most -= 1
    for text, ink in ((before, QUIET), (shown(name, most), colour), (after, QUIET)):
        pen.text((x, y), text, ink, font(text, SMALL))
        x += round(pen.textlength(text, font(text, SMALL)))


def _tile(pixels: NDArray[np.uint8]) -> "Image":
    """Small pictures keep their pixels, so that one sees what the network saw."""
    from PIL import Image

    channels = pixels.transpose(1, 2, 0)
    picture = Image.fromarray(channels[..., 0] if channels.shape[-1] == 1 else channels[..., :3]).convert("RGB")
    how = Image.Resampling.NEAREST if max(picture.size) < TILE // 2 else Image.Resampling.LANCZOS
    return picture.resize((TILE, TILE), how)


def font(text: str, size: int) -> "FreeTypeFont":
    """One that has the characters of `text`, where one is installed."""
    from PIL import ImageFont

    latin, hangul = _files()
    asian = any(c >= "\u1100" and c != "…" for c in text)
    return ImageFont.truetype(hangul if hangul and asian else latin, size)


@cache
def _files() -> tuple[str, str]:
    """Font files: DejaVu, which comes with matplotlib, and an installed one with Hangul, or ''."""
    from matplotlib.font_manager import findfont, findSystemFonts

    there = sorted(findSystemFonts())
    for name in HANGUL_FILES:
        for file in there:
            if name.lower() in file.replace(" ", "").lower():
                return findfont("DejaVu Sans"), file
    return findfont("DejaVu Sans"), ""

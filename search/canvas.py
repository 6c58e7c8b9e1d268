"""What every figure shares: its paper, its colours, its fonts, and how it becomes SVG or PNG.

Matplotlib is slow to import and not safe in threads: it is loaded when a figure is made, `pyplot` never is, and one
lock lets one thread draw at a time.
"""

import contextlib
import hashlib
import io
import logging
import re
import threading
import unicodedata
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOCK = threading.RLock()

# Okabe and Ito's colours, which every kind of colour vision can tell apart. On a page each is a CSS variable, so that a
# dark page may lighten it.
INK, QUIET, RULE = "#1b1f24", "#68707a", "#d4d9df"
ACCENT = "#0072b2"
STOPS = {
    "finished": "#0073b3",
    "stalled": "#009e73",
    "pruned": "#e69f00",
    "diverged": "#d55e00",
    "failed": "#cc79a7",
    "running": "#8a929c",
}
VARIABLES = {INK: "ink", QUIET: "quiet", RULE: "rule", ACCENT: "accent", **{v: k for k, v in STOPS.items()}}

SMALL, NORMAL = 7.5, 8.5  # points
INCH = 72.0
HANGUL_FONTS = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "NanumBarunGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "UnDotum",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
)
HANGUL_FILES = ("NotoSansCJK-Regular", "NotoSansCJK-Bold", "NanumGothic", "NanumGothicBold", "malgun", "malgunbd")


def new_figure(width: float, height: float) -> "Figure":
    """An empty transparent figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="none")


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Within: the house style, one thread at a time, and no warning about characters that a font lacks."""
    import matplotlib

    hangul = _hangul_font()
    style: dict[Any, Any] = {
        "font.family": ["DejaVu Sans", hangul] if hangul else ["DejaVu Sans"],
        "font.size": NORMAL,
        "axes.facecolor": "none",
        "axes.linewidth": 0.8,
        "axes.edgecolor": RULE,
        "axes.unicode_minus": False,
        "axes.formatter.useoffset": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "ceteris",
        "text.parse_math": False,
        "path.simplify": False,
    }
    with LOCK, matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def as_svg(figure: "Figure") -> str:
    """The figure as an `<svg>` element: text stays text, colours are CSS variables with their own value as default.

    The same figure gives the same bytes. Ids are its own, so that many figures can stand in one page.
    """
    stream = io.StringIO()
    with drawing():
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, name in VARIABLES.items():
        text = text.replace(colour, f"var(--{name}, {colour})")
    own = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}-", text)
    return text + "\n"


def as_png(figure: "Figure", dpi: int = 144) -> bytes:
    """The figure on white, as a PNG file."""
    stream = io.BytesIO()
    with drawing():
        figure.savefig(stream, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


@cache
def _hangul_font() -> str:
    """The name of an installed font that has Hangul, or ''. Also one that was installed after matplotlib looked."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # a font without a bold face is no news
    if not any(font.name in HANGUL_FONTS for font in fontManager.ttflist):
        for file in sorted(findSystemFonts()):
            if Path(file).stem in HANGUL_FILES:
                with contextlib.suppress(Exception):  # a file that is no font
                    fontManager.addfont(file)
    there = {font.name for font in fontManager.ttflist}
    return next((name for name in HANGUL_FONTS if name in there), "")


def shown(text: str, most: int = 30) -> str:
    """`text` on one line, at most `most` columns wide (the middle is left out), all of it printable."""
    flat = " ".join("".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text).split())
    if columns(flat) <= most:
        return flat
    tail = _first(flat[::-1], (most - 1) // 3)[::-1].lstrip()
    return _first(flat, most - 1 - columns(tail)).rstrip() + "…" + tail


def _first(text: str, most: int) -> str:
    """As much of the beginning as fits into `most` columns."""
    end = 0
    while end < len(text) and columns(text[: end + 1]) <= most:
        end += 1
    return text[:end]


def columns(text: str) -> int:
    """Its width in columns: a Hangul syllable or another wide character takes two."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def inches(text: str, size: float = NORMAL) -> float:
    """About how wide `text` is, whatever font the reader has."""
    return columns(text) * size * 0.58 / INCH

"""Figures from plain data."""

import math
import re
import warnings
from xml.etree import ElementTree

import pytest

from search.canvas import columns, shown
from search.plots import Curve, ValueScores, as_png, as_svg, confusion, curves, gains, isolation
from search.records import Gain

HOSTILE = '<script>alert("1")</script> $x_1$ & | \n\x07 끝'
VALUES = [
    ValueScores("cross_entropy", 0.98, (0.97, 0.98, 0.975), incumbent=True),
    ValueScores(HOSTILE, 0.99, (0.985, 0.99), winner=True),
    ValueScores("고양이", 0.3, cut=True),
    ValueScores("never", None),
]
CURVES = [Curve("lr 0.1", "finished", (0.1, math.nan, 0.8)), Curve(HOSTILE, "pruned", (0.2,)), Curve("x", None, ())]
FIGURES = {
    "rows": lambda: isolation(VALUES, "macro F1", title="고양이"),
    "line": lambda: isolation([ValueScores(f"{p:g}", p, (p, 2 * p), position=p) for p in (0.1, 0.2)], axis="lr"),
    "curves": lambda: curves(CURVES, rungs=(2,)),
    "confusion": lambda: confusion([[3, 1, 0], [0, 2, 0], [0, 0, 1]], [HOSTILE, "고양이", "$x_1$"]),
    "many classes": lambda: confusion([[i == j for j in range(60)] for i in range(60)], [str(i) for i in range(60)]),
    "gains": lambda: gains([("validation", Gain(mean=0.01, low=-0.01, high=0.03))]),
    "nothing": lambda: curves([]),
    "no values": lambda: isolation([]),
    "one value": lambda: isolation([ValueScores("0.1", None, (0.5,), position=0.1)]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_whole_svg_that_asks_for_nothing_and_the_same_every_time(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = as_svg(FIGURES[name]())
    assert first == as_svg(FIGURES[name]())
    root = ElementTree.fromstring(first)
    assert root.tag.endswith("svg")
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if attribute.endswith("href"):
                assert value.startswith(("#", "data:image/png")), value


def test_names_stay_text_in_the_readers_own_font() -> None:
    texts = [element.text for element in ElementTree.fromstring(as_svg(FIGURES["confusion"]())).iter() if element.text]
    assert "고양이" in texts and "$x_1$" in texts
    assert any(text.startswith("<script>") for text in texts), "shown, not run and not left out"
    assert not re.search("[\x00-\x08]", "".join(texts))


def test_two_figures_of_a_page_share_no_id() -> None:
    ids = [set(re.findall(r'\bid="([^"]+)"', as_svg(FIGURES[name]()))) for name in ("rows", "curves")]
    assert ids[0] and not ids[0] & ids[1]


def test_a_png_is_one_and_korean_names_make_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_png(FIGURES["confusion"](), dpi=50).startswith(b"\x89PNG")
    assert capfd.readouterr() == ("", "")


def test_of_a_thousand_curves_the_best_and_a_choice_are_drawn_and_the_axis_says_so() -> None:
    many = [Curve(f"#{n}", "pruned", (0.1, n / 1000)) for n in range(1000)]
    svg = as_svg(curves(many))
    assert "80 of 1000 curves are drawn" in svg
    assert "#999  0.9990" in svg
    assert len(svg) < 200_000


def test_a_score_far_below_the_others_does_not_squeeze_them_and_is_written_down() -> None:
    assert "0.300" in as_svg(FIGURES["rows"]())


@pytest.mark.parametrize(("text", "most"), [("마스크를 잘못 쓴 30세 미만 남자", 14), ("a" * 50, 20), ("short", 14)])
def test_a_long_name_keeps_its_beginning_and_its_end(text: str, most: int) -> None:
    short = shown(text, most)
    assert columns(short) <= most
    assert short[0] == text[0] and short[-1] == text[-1]

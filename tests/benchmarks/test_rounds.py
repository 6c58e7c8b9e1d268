"""Contestants take turns, each in a process of its own; figures are medians, ratios are taken round by round."""

import sys
from pathlib import Path

import pytest

from benchmarks.rounds import Contestant, Spread, interleaved, ratios


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys, pathlib\n{text}")


def noted(name: str, book: Path) -> Contestant[str]:
    """Signs the book and answers with its name."""
    text = f"open({str(book)!r}, 'a').write({name!r})\npathlib.Path(sys.argv[-1]).write_text({name!r})"
    return Contestant(name, program(text), Path.read_text)


def test_contestants_take_turns_round_by_round(tmp_path: Path) -> None:
    book = tmp_path / "book"
    samples = interleaved([noted("A", book), noted("B", book)], rounds=2)
    assert book.read_text() == "ABAB"
    assert [sample.answer for sample in samples["B"]] == ["B", "B"]
    assert all(sample.wall > 0 for sample in samples["A"])


def test_a_contestant_that_fails_is_named_with_its_last_words() -> None:
    broken = Contestant("broken", program("sys.exit('no such net')"), Path.read_text)
    with pytest.raises(RuntimeError, match="broken ended with exit code 1 and said: no such net"):
        interleaved([broken], rounds=1)


def test_nobodys_settings_of_threads_reach_a_contestant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    text = "import os\npathlib.Path(sys.argv[-1]).write_text(str('OMP_NUM_THREADS' in os.environ))"
    samples = interleaved([Contestant("A", program(text), Path.read_text)], rounds=1)
    assert samples["A"][0].answer == "False"


def test_a_spread_is_the_median_with_least_and_most() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of([3.0, 1.0, 2.0]).shown() == "2.0 (1.0 to 3.0)"
    assert Spread.of([2.0]).shown(0) == "2"


def test_a_slow_round_slows_both_sides_of_a_ratio() -> None:
    assert ratios([2.0, 20.0, 4.0], [1.0, 10.0, 1.0]) == Spread(2.0, 2.0, 4.0)

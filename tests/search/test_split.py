"""`search.split`: what is printed about the data, and that the data options say the same to every command."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from search import split
from search.data_options import data_options, source_options, words_of
from search.edge import EXIT_MISTAKE, EXIT_OK
from tests.search.commands import Outcome, invoke
from trainer.data import SealedTest, SourceOptions

SHORT = (
    "--measure",
    "--device",
    "cpu",
    "--epochs",
    "4",
    "--set",
    "image_size=8",
    "--set",
    "lr=0.01",
    "--set",
    "epoch_images=200",
)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Outcome]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CETERIS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CETERIS_CACHE", str(tmp_path / "cache"))

    def run(*arguments: str) -> Outcome:
        return invoke(split.main, *arguments, monkeypatch=monkeypatch, capsys=capsys)

    return run


def test_data_are_described_in_a_dozen_lines(said: Callable[..., Outcome]) -> None:
    outcome = said("--data", "faces")
    assert (outcome.code, outcome.err) == (EXIT_OK, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "faces (faces)"
    assert "1,680 images, 240 groups, 18 classes of 8 (incorrect male >=60) to 340 images" in lines[1]
    assert "test 280 images of 40 groups, held out by group; 5 folds" in lines[2]
    assert len(lines) <= 13


def test_the_split_asked_for_is_the_split_described(said: Callable[..., Outcome]) -> None:
    out = said("--data", "faces", "--test-fraction", "0.25", "--folds", "3", "--classes").out
    assert "test 420 images of 60 groups" in out
    assert "3 folds, each validated on 420 images" in out
    assert [line.split()[0] for line in out.splitlines()[-18:]] == ["wear"] * 6 + ["incorrect"] * 6 + ["normal"] * 6


def test_label_and_group_are_passed_on(said: Callable[..., Outcome], tmp_path: Path) -> None:
    labels, whose = np.arange(60) % 3, np.arange(60) // 4
    pictures = np.random.RandomState(0).randint(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "small.npz", x=pictures, kind=labels, other=1 - labels // 2, owner=whose)
    out = said("--data", "small.npz", "--label", "kind", "--group", "owner").out
    assert "60 images, 15 groups, 3 classes of 20" in out


def test_a_target_is_split_as_the_whole(said: Callable[..., Outcome]) -> None:
    out = said("--data", "faces", "--target", "gender").out
    assert "2 classes of 672 (male) to 1,008 images" in out
    assert "test 280 images of 40 groups" in out


def test_the_cost_of_ignoring_groups_is_measured_with_the_test_part_closed(
    said: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the test part was opened")

    monkeypatch.setattr(SealedTest, "open", refuse)
    outcome = said(
        "--data", "faces", "--target", "gender", *SHORT, "--replicates", "2", "--set", "baseline.metric=accuracy"
    )
    assert outcome.code == EXIT_OK, outcome
    told = outcome.out.splitlines()
    assert "4 runs of test_resnet, 4 epochs at 8 px" in told
    start = next(number for number, line in enumerate(told) if line.startswith("accuracy"))
    first, second, mean = ([float(word) for word in line.split()[-2:]] for line in told[start + 1 : start + 4])
    assert mean == pytest.approx(np.mean([first, second], axis=0), abs=0.0011)
    difference, spread = (float(words.split()[-1]) for words in told[-2].split(","))
    assert difference == pytest.approx(mean[1] - mean[0], abs=0.0011)
    assert spread == pytest.approx(abs((first[1] - first[0]) - (second[1] - second[0])) / 2**0.5, abs=0.0021)
    assert " points" in told[-1]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--data", "face"), "did you mean faces"),
        (("--data", "digits", *SHORT), "digits declares no groups"),
        (("--data", "faces", "--target", "hair"), "mask, gender"),
        (("--data", "faces", "--test-fraction", "0.9"), "use one above 0 and up to 0.5"),
        (("--data", "faces", "--folds", "1"), "--folds"),
        (("--data", "faces", *SHORT, "--set", "lr=10000", "--set", "ema_epochs=0"), "replicate 0 diverged at lr 10000"),
        (("--data", "faces", "--measure", "--set", "epoch=3"), "did you mean epochs?"),
        (("--data", "faces", "--measure", "--backbone", "resnet81"), "did you mean"),
        (("--data", "faces", "--measure", "--set", "metric=acuracy"), "accuracy"),
        (("--data", "faces", "--measure", "--replicates", "1"), "--replicates"),
    ],
)
def test_a_mistake_is_one_line(said: Callable[..., Outcome], arguments: tuple[str, ...], part: str) -> None:
    outcome = said(*arguments)
    assert outcome.code == EXIT_MISTAKE, outcome
    assert len(outcome.err.strip().splitlines()) == 1, outcome.err
    assert part in outcome.err


@pytest.mark.parametrize(
    "options",
    [
        SourceOptions(cache=Path("some where")),
        SourceOptions("라벨", "--group", "mask", True, True, Path("캐시")),
        SourceOptions(group=r"([^/]+)_\d+ x", cache=Path("c")),
    ],
)
def test_the_words_for_a_worker_say_the_same_options_again(options: SourceOptions) -> None:
    heard: list[SourceOptions] = []

    @click.command()
    @data_options
    def hear(data: str, **given: Any) -> None:
        heard.append(source_options(**given))

    outcome = CliRunner().invoke(hear, words_of(options))
    assert outcome.exception is None, outcome.output
    assert heard == [options]


def test_without_a_cache_folder_it_is_that_of_the_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CETERIS_CACHE", str(tmp_path))
    assert source_options().cache == tmp_path

"""CSV manifests as people and programs write them."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import paint
from tests.trainer.small_sources import write_csv
from trainer.data import DataError, SourceOptions, open_source
from trainer.sources.source import Source

HEADER = ("path", "label", "group", "split")
ROWS = [(f"a {n}é.png", ("예", "아니")[n % 2], f"p{n // 4}", ("train", "test")[n // 4]) for n in range(8)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, (path, *_) in enumerate(ROWS):
        paint(tmp_path / path, seed=number)
    return tmp_path


def opened(folder: Path, *rows: Any, header: tuple[str, ...] = HEADER, **options: Any) -> Source:
    return open_source(write_csv(folder / "photos.csv", [header, *(rows or ROWS)]), SourceOptions(**options))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encoding_and_delimiter_change_nothing(folder: Path, encoding: str, delimiter: str) -> None:
    plain = opened(folder)
    other = open_source(write_csv(folder / "photos.csv", [HEADER, *ROWS], encoding, delimiter))
    assert other.class_names == plain.class_names == ("아니", "예")
    assert other.digest == plain.digest


def test_windows_in_korean_is_read(folder: Path) -> None:
    rows = [(path.replace("é", ""), *rest) for path, *rest in ROWS]
    for path, *_ in ROWS:
        (folder / path).rename(folder / path.replace("é", ""))
    source = open_source(write_csv(folder / "photos.csv", [HEADER, *rows], "cp949"))
    assert source.class_names == ("아니", "예")


def test_spaces_capitals_empty_columns_and_blank_lines_change_nothing(folder: Path) -> None:
    plain = opened(folder)
    rows = [(f" {path} ", f"{label} ", group, split.upper(), "", "") for path, label, group, split in ROWS]
    blank = ("", "", "", "", "", "")
    other = opened(folder, blank, *rows, blank, header=(" Path", "LABEL ", "Group", "split", "", ""))
    assert other.digest == plain.digest


def test_windows_separators_and_dots_change_nothing(tmp_path: Path) -> None:
    for number in range(4):
        paint(tmp_path / "in" / f"{number}.png", seed=number)
    plain = opened(tmp_path, *((f"in/{n}.png", str(n % 2)) for n in range(4)), header=("path", "label"))
    ways = ("in\\0.png", "./in/1.png", "in//2.png", "in/../in/3.png")
    other = opened(tmp_path, *((way, str(n % 2)) for n, way in enumerate(ways)), header=("path", "label"))
    assert other.digest == plain.digest
    assert other.names == ("in/0.png", "in/1.png", "in/2.png", "in/3.png")


def test_labels_that_are_numbers_stand_in_the_order_of_numbers(folder: Path) -> None:
    rows = [(path, ("10", "9")[n % 2]) for n, (path, *_) in enumerate(ROWS)]
    assert opened(folder, *rows, header=("path", "label")).class_names == ("9", "10")
    rows = [(path, ("10", "9b")[n % 2]) for n, (path, *_) in enumerate(ROWS)]
    assert opened(folder, *rows, header=("path", "label")).class_names == ("10", "9b")


def test_labels_and_groups_may_stand_in_columns_of_other_names(folder: Path) -> None:
    plain = opened(folder)
    other = opened(folder, header=("file_name", "Answer", "owner", "split"), label="answer", group="owner")
    assert other.digest == plain.digest
    with pytest.raises(DataError, match="has no column nobody: its columns are path, label, group, split"):
        opened(folder, group="nobody")


def test_an_empty_column_of_groups_or_splits_is_as_none(folder: Path) -> None:
    source = opened(folder, *((path, label, "", "") for path, label, *_ in ROWS))
    assert source.groups is None
    assert source.official_test is None


def test_official_validation_images_are_trained_on_with_a_note(folder: Path) -> None:
    words = ("train", "valid", "dev", "train", "test", "test", "Testing", "TEST")
    source = opened(folder, *((*row[:3], word) for row, word in zip(ROWS, words, strict=True)))
    assert source.official_test is not None
    assert source.official_test.tolist() == [False] * 4 + [True] * 4
    assert "2 images of the official validation part are trained on too: folds are cut here" in source.notes
    assert "the official test part is used: 4 of 8 images" in source.notes


def test_a_split_without_test_images_is_no_split_with_a_note(folder: Path) -> None:
    source = opened(folder, *((*row[:3], "train") for row in ROWS))
    assert source.official_test is None
    assert "the official split names no test part: one is held out as for data without a split" in source.notes


def test_a_folder_with_one_manifest_is_read_by_it(folder: Path) -> None:
    file = write_csv(folder / "photos.csv", [HEADER, *ROWS])
    write_csv(folder / "prices.csv", [("name", "price"), ("x", "1")])
    by_folder = open_source(folder)
    assert by_folder.digest == open_source(file).digest
    assert by_folder.name == folder.name
    assert "read as photos.csv in the folder says" in by_folder.notes
    write_csv(folder / "more.csv", [HEADER, *ROWS])
    with pytest.raises(DataError, match=r"holds 2 manifests, more.csv, photos.csv: give the path"):
        open_source(folder)


def test_class_folders_beside_a_table_of_something_else_are_class_folders(photos: Path) -> None:
    write_csv(photos / "prices.csv", [("name", "price"), ("x", "1")])
    assert open_source(photos).kind == "class folders"


def test_a_folder_with_one_table_that_is_no_manifest_says_what_is_missing(folder: Path) -> None:
    write_csv(folder / "photos.csv", [("path", "species"), *((path, label) for path, label, *_ in ROWS)])
    with pytest.raises(DataError, match="has no column label: its columns are path, species"):
        open_source(folder)
    assert open_source(folder, SourceOptions(label="species")).kind == "csv"

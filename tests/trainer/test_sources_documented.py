"""docs/data.md says what the code does."""

from dataclasses import fields
from pathlib import Path

from trainer.sources.columns import SPLIT_WORDS
from trainer.sources.csv_manifest import PATH_COLUMNS
from trainer.sources.listing import SUFFIXES
from trainer.sources.mask_labels import MASK_OF_PHOTO, PARTS
from trainer.sources.source import SourceOptions

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def test_every_option_is_explained() -> None:
    assert [
        option.name for option in fields(SourceOptions) if f"| `--{option.name.replace('_', '-')}" not in PAGE
    ] == []


def test_every_word_that_is_understood_is_listed() -> None:
    words = {*SPLIT_WORDS, *PATH_COLUMNS, "incorrect_mask", "normal", "mask1", "mask5", *(part.name for part in PARTS)}
    assert {word for word in words if f"`{word}`" not in PAGE and f"--target {word}" not in PAGE} == set()
    assert {"mask1", "mask5", "incorrect_mask", "normal"} <= set(MASK_OF_PHOTO)
    assert {suffix for suffix in SUFFIXES if f" {suffix}" not in PAGE} == set()

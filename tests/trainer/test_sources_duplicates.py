"""Pictures of equal bytes are told where they mislead."""

from pathlib import Path

from tests.trainer.conftest import paint
from tests.trainer.small_sources import write_csv
from trainer.data import open_source
from trainer.sources.duplicates import duplicate_notes

HEADER = ("path", "label", "group", "split")


def manifest(folder: Path, seeds: tuple[int, ...]) -> Path:
    """Image n has the picture `seeds[n]`; labels alternate, groups are pairs, the last four are test."""
    rows = []
    for number, seed in enumerate(seeds):
        paint(folder / f"{number}.png", seed=seed)
        rows.append((f"{number}.png", "ab"[number % 2], f"g{number // 2}", "test" if number > 7 else "train"))
    return write_csv(folder / "photos.csv", [HEADER, *rows])


def test_pictures_that_all_differ_leave_nothing_to_say(tmp_path: Path) -> None:
    assert duplicate_notes(open_source(manifest(tmp_path, tuple(range(12))))) == ()
    assert duplicate_notes(open_source("digits")) == ()


def test_equal_pictures_in_one_class_and_group_leave_nothing_to_say(tmp_path: Path) -> None:
    rows = [(f"{n}.png", "ab"[n // 4], f"g{n // 2}") for n in range(8)]
    for name, *_ in rows:
        paint(tmp_path / name, seed=int(name[0]) // 2)
    assert duplicate_notes(open_source(write_csv(tmp_path / "photos.csv", [HEADER[:3], *rows]))) == ()


def test_equal_pictures_across_labels_sides_and_groups_are_told_apart(tmp_path: Path) -> None:
    notes = duplicate_notes(open_source(manifest(tmp_path, (0, 1, 2, 3, 4, 5, 6, 7, 0, 9, 2, 3))))
    pairs = "0.png = 8.png, 10.png = 2.png, 11.png = 3.png"
    assert notes == (
        f"3 pictures of equal bytes stand on both sides of the official split, which flatters: {pairs}",
        f"3 pictures of equal bytes stand in two groups, which a split may separate: {pairs}",
    )
    (torn,) = duplicate_notes(open_source(manifest(tmp_path, (0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))))
    assert torn == "1 picture of equal bytes stand in two classes, one label of each must be wrong: 0.png = 1.png"


def test_equal_pictures_without_groups_are_told(photos: Path) -> None:
    (photos / "dog ü" / "copy.png").write_bytes((photos / "dog ü" / "1 é.png").read_bytes())
    (note,) = duplicate_notes(open_source(photos))
    assert note.startswith("1 picture of equal bytes occur more than once, and a split may put them on both sides: ")

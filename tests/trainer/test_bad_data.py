"""Data that cannot be used, or are not what they seem: each kind is said in one clear line."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import paint
from tests.trainer.small_sources import PERSONS, PHOTOS, Variant, mask_contest, write_csv
from trainer.data import DataError, Dataset, Geometry, SourceOptions, load, open_source
from trainer.sources.duplicates import duplicate_notes

links = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make links")


def read(spec: Path, **options: Any) -> Dataset:
    return load(open_source(spec, SourceOptions(**options)), Geometry(8, 3), 0.25)


def line(spec: Path, **options: Any) -> str:
    """What the user reads: one line of a length that can be read, without a traceback of Python in it."""
    with pytest.raises(DataError) as error:
        read(spec, **options)
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 600
    return said


@pytest.fixture
def rows(tmp_path: Path) -> list[list[str]]:
    """Lines of a manifest: path, label, group, split; twelve images of six persons."""
    lines = []
    for image in range(12):
        path = f"{image:02d}.png"
        paint(tmp_path / path, seed=image)
        lines.append([path, ("cat", "dog")[image % 2], f"p{image // 2}", "test" if image > 7 else "train"])
    return lines


def manifest(folder: Path, rows: list[list[str]], *header: str) -> Path:
    return write_csv(folder / "photos.csv", [header or ("path", "label", "group", "split"), *rows])


def test_sound_data_are_read(tmp_path: Path, rows: list[list[str]]) -> None:
    assert len(read(manifest(tmp_path, rows)).labels) == 12


def test_files_missing_from_the_folder_of_the_csv_are_named(tmp_path: Path, rows: list[list[str]]) -> None:
    (tmp_path / "03.png").unlink()
    (tmp_path / "05.png").unlink()
    said = line(manifest(tmp_path, rows))
    assert "2 of 12 files that are not there: 03.png, 05.png" in said
    assert "paths are relative to the folder of the CSV" in said


def test_one_missing_file_may_be_left_out_but_not_all(tmp_path: Path, rows: list[list[str]]) -> None:
    (tmp_path / "03.png").unlink()
    file = manifest(tmp_path, [row[:2] for row in rows], "path", "label")
    data = load(open_source(file, SourceOptions(skip_broken=True)), Geometry(8, 3), skip_broken=True)
    assert len(data.labels) == 11
    for path in tmp_path.glob("*.png"):
        path.unlink()
    assert "12 of 12 files that are not there" in line(file, skip_broken=True)


@pytest.mark.parametrize("name", ["03.PNG", "03.jpg"])
def test_a_file_with_another_extension_is_guessed(tmp_path: Path, rows: list[list[str]], name: str) -> None:
    (tmp_path / "03.png").rename(tmp_path / name)
    assert f"(did you mean {name} instead of 03.png?)" in line(manifest(tmp_path, rows))


def test_files_that_lie_one_folder_deeper_are_found(tmp_path: Path, rows: list[list[str]]) -> None:
    (tmp_path / "images").mkdir()
    for file in tmp_path.glob("*.png"):
        file.rename(tmp_path / "images" / file.name)
    assert "(found in images: did you mean to put the CSV there?)" in line(manifest(tmp_path, rows))


def test_a_label_with_one_image_is_named(tmp_path: Path, rows: list[list[str]]) -> None:
    rows[3][1] = "owl"
    said = line(manifest(tmp_path, [row[:2] for row in rows], "path", "label"))
    assert "1 of 3 classes has less than 2 images, none is left to validate on: owl" in said


def test_a_label_that_is_tested_only_is_named(tmp_path: Path, rows: list[list[str]]) -> None:
    for row in rows[8:]:
        row[1] = "owl"
    assert "less than 2 images outside the official test part" in line(manifest(tmp_path, rows))


def test_paths_named_twice_are_named_with_their_lines(tmp_path: Path, rows: list[list[str]]) -> None:
    rows.append(["./03.png", *rows[3][1:]])
    said = line(manifest(tmp_path, rows))
    assert "names 1 image twice: 03.png (lines 5 and 14)" in said


def test_an_image_in_two_classes_of_a_csv_is_named_with_both(tmp_path: Path, rows: list[list[str]]) -> None:
    rows.append(["03.png", "cat", *rows[3][2:]])
    said = line(manifest(tmp_path, rows))
    assert "gives 1 image two labels: 03.png (dog and cat in lines 5 and 14)" in said


def test_an_image_in_two_class_folders_is_a_note_and_no_refusal(photos: Path) -> None:
    (photos / "dog ü" / "twin.png").write_bytes((photos / "고양이" / "1 é.png").read_bytes())
    source = open_source(photos)
    (torn, twice) = duplicate_notes(source)
    assert "1 picture of equal bytes stand in two classes" in torn
    assert "dog ü/twin.png = 고양이/1 é.png" in torn
    assert "occur more than once" in twice


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), ("\n\n", "is empty"), ("path,label\n", "no images")])
def test_an_empty_csv_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "photos.csv").write_text(text, encoding="utf-8")
    assert says in line(tmp_path / "photos.csv")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (("a", "b"), "has no column path: its columns are a, b, needed are path and label"),
        (("00.png", "cat"), "the first line must name them"),
        (("path", "species"), "has no column label: its columns are path, species; name the one with --label NAME"),
        (("path", "path"), "has two columns called 'path'"),
    ],
)
def test_a_wrong_header_is_refused_with_the_columns_there_are(
    tmp_path: Path, rows: list[list[str]], header: tuple[str, str], says: str
) -> None:
    assert says in line(manifest(tmp_path, [row[:2] for row in rows], *header))


def test_mixed_channels_are_all_made_one(photos: Path) -> None:
    from PIL import Image

    for number, mode in enumerate(("L", "RGBA", "P", "1", "CMYK", "I;16")):
        picture = Image.new("I;16", (9, 9), 40_000) if mode == "I;16" else Image.new("L", (9, 9), 99).convert(mode)
        picture.save(photos / "dog ü" / f"m{number}.{'jpg' if mode == 'CMYK' else 'png'}")
    data = read(photos)
    assert data.images(8).shape == (18, 3, 8, 8)
    assert open_source(photos).default_channels == 3


def test_a_picture_of_one_pixel_is_a_picture(photos: Path) -> None:
    paint(photos / "dog ü" / "tiny.png", seed=1, size=(1, 1))
    pixel = read(photos).images(8)[open_source(photos).names.index("dog ü/tiny.png")]
    assert (pixel == pixel[:, :1, :1]).all()


@pytest.mark.parametrize(
    "content", [b"", b"this is no picture", b"\x89PNG\r\n\x1a\n"], ids=["empty", "text", "cut off"]
)
def test_a_file_that_is_no_picture_whatever_its_name_is_named(photos: Path, content: bytes) -> None:
    (photos / "dog ü" / "x.jpg").write_bytes(content)
    said = line(photos)
    assert "1 of 13 images" in said
    assert "dog ü/x.jpg (" in said
    assert "--skip-broken" in said


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that anybody may enter, and nobody's rights while the test runs: root may read everything."""
    # Not below TMPDIR, whose own parents may be closed to anybody but its owner.
    with tempfile.TemporaryDirectory(dir="/tmp" if Path("/tmp").is_dir() else None) as made:
        folder = Path(made)
        folder.chmod(0o755)
        root = os.geteuid() == 0
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows has no such rights to take away")
@pytest.mark.parametrize("closed", ["", "dog"], ids=["data folder", "class folder"])
def test_a_folder_that_may_not_be_read_is_named(unprivileged: Path, closed: str) -> None:
    root = unprivileged / "photos"
    for number, name in enumerate(("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")):
        paint(root / name, seed=number)
    (root / closed).chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        said = line(root)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        (root / closed).chmod(0o755)
    assert "cannot be read (Permission denied" in said
    assert closed in said
    assert "check the path and its permissions" in said


def test_a_group_on_both_sides_of_an_official_split_is_named(tmp_path: Path, rows: list[list[str]]) -> None:
    rows[8][3] = "train"
    said = line(manifest(tmp_path, rows))
    assert "1 group stands on both sides of the official split: p4" in said


@pytest.mark.parametrize("age", ["", "nan", "-3", "old", "300", "inf"])
def test_an_age_that_is_none_is_named_with_its_person(tmp_path: Path, age: str) -> None:
    mask_contest(tmp_path, Variant())
    folders = [f"{i:06d}_{gender}_Asian_{i}é" for i, (_, gender, _) in enumerate(PERSONS)]
    people = [[*person[:2], "Asian", person[2], folder] for person, folder in zip(PERSONS, folders, strict=True)]
    people[2][3] = age
    write_csv(tmp_path / "train.csv", [("id", "gender", "race", "age", "path"), *people])
    said = line(tmp_path)
    assert (f"gives 1 person an age that is none: 000003 ({age})" in said) if age else ("no age in line 4" in said)


def test_a_gender_that_is_not_known_is_named(tmp_path: Path) -> None:
    mask_contest(tmp_path, Variant())
    table = tmp_path / "train.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",female,Asian,60", ",f,Asian,60"), encoding="utf-8")
    assert "gender that is not known: 000003 (f); known are male and female" in line(tmp_path)


def test_bad_persons_are_named_all_at_once(tmp_path: Path) -> None:
    mask_contest(tmp_path, Variant())
    first, second, third, fourth = sorted((tmp_path / "images").iterdir())
    paint(first / "mask9.jpg", seed=1)
    (second / "mask1.png").rename(second / "mask1.heic")
    paint(third / "normal.png", seed=2)
    for photo in fourth.iterdir():
        photo.unlink()
    said = line(tmp_path)
    assert "4 persons of 4 cannot be used" in said
    for why in ("(unknown mask9.jpg)", "(unknown mask1.heic)", "(two files for normal)", "(no photos)"):
        assert why in said
    assert ", ".join(PHOTOS) in said


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("000000_male_Asian_0é", "names 1 folder twice: images/000000_male_Asian_0é"),
        ("../000001", "names 1 folder with ..: images/../000001"),
    ],
)
def test_a_person_whose_folder_is_anothers_or_elsewhere_is_named(tmp_path: Path, folder: str, says: str) -> None:
    mask_contest(tmp_path, Variant())
    table = tmp_path / "train.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("000001_female_Asian_1é", folder), encoding="utf-8")
    assert says in line(tmp_path)


def test_a_person_without_a_folder_is_named(tmp_path: Path) -> None:
    mask_contest(tmp_path, Variant())
    folder = min((tmp_path / "images").iterdir())
    folder.rename(folder.with_name("renamed"))
    assert f"images/{folder.name} (no such folder)" in line(tmp_path)


def test_a_class_folder_of_unknown_extensions_is_refused_with_those_known(photos: Path) -> None:
    (photos / "bird").mkdir()
    (photos / "bird" / "1.heic").write_bytes(b"?")
    said = line(photos)
    assert "holds no images (only .heic): put some in, .bmp" in said


def test_a_csv_of_unknown_extensions_is_refused_when_it_is_read(tmp_path: Path, rows: list[list[str]]) -> None:
    (tmp_path / "03.png").rename(tmp_path / "03.heic")
    (tmp_path / "03.heic").write_bytes(b"ftypheic")
    rows[3][0] = "03.heic"
    assert "1 of 12 images in photos cannot be read: 03.heic (not an image)" in line(manifest(tmp_path, rows))


@links
@pytest.mark.parametrize("target", ["loop", ".", ".."], ids=["itself", "folder", "parent"])
def test_a_link_loop_is_named(photos: Path, target: str) -> None:
    (photos / "loop").symlink_to(photos / target, target_is_directory=True)
    said = line(photos, follow_links=True)
    assert f"{photos / 'loop'} is a link that leads back to itself or to a folder above it: remove the link" in said


@pytest.mark.parametrize("path", ["../outside.png", "sub/../../outside.png", "absolute", r"..\outside.png"])
def test_a_path_out_of_the_folder_of_the_csv_is_refused_and_followed_when_asked(
    tmp_path: Path, rows: list[list[str]], path: str
) -> None:
    outside = paint(tmp_path.parent / "outside.png", seed=77)
    rows[0][0] = str(outside) if path == "absolute" else path
    file = manifest(tmp_path, rows)
    said = line(file)
    assert "names 1 file outside its folder" in said
    assert "in line 2; move them into it, or allow them with --follow-links" in said
    source = open_source(file, SourceOptions(follow_links=True))
    assert source.names[0] == "../outside.png"


@links
def test_a_link_out_of_the_folder_of_the_csv_is_refused_too(tmp_path: Path, rows: list[list[str]]) -> None:
    outside = paint(tmp_path.parent / "outside.png", seed=77)
    (tmp_path / "03.png").unlink()
    (tmp_path / "03.png").symlink_to(outside)
    file = manifest(tmp_path, rows)
    assert "1 link out of " in line(file)
    assert ": 03.png -> " in line(file)
    assert len(read(file, follow_links=True).labels) == 12


@links
def test_an_absolute_path_may_lead_through_the_link_that_was_given(tmp_path: Path, rows: list[list[str]]) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    before = open_source(manifest(tmp_path, rows)).digest
    rows[0][0] = str(tmp_path / "link" / "00.png")
    manifest(tmp_path, rows)
    assert open_source(tmp_path / "link" / "photos.csv").digest == before


def test_an_absolute_path_inside_the_folder_is_the_relative_one(tmp_path: Path, rows: list[list[str]]) -> None:
    before = open_source(manifest(tmp_path, rows)).digest
    rows[0][0] = str(tmp_path / "00.png")
    assert open_source(manifest(tmp_path, rows)).digest == before


@pytest.mark.parametrize(("column", "name"), [(0, "path"), (1, "label"), (2, "group"), (3, "split")])
def test_an_empty_field_is_named_with_its_line(tmp_path: Path, rows: list[list[str]], column: int, name: str) -> None:
    rows[4][column] = " "
    assert f"has no {name} in line 6" in line(manifest(tmp_path, rows))


def test_a_word_for_the_split_that_is_not_known_is_refused_with_those_that_are(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    rows[4][3] = "holdout"
    assert "has split holdout: known are train, training, val" in line(manifest(tmp_path, rows))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"path,label\n\xff\xfe\xfd,cat\n", "no text in UTF-8, UTF-16 or cp949"),
        (b"path,label\na\0.png,cat\n", "no text in UTF-8"),
        (b"path,label\n00.png,cat,\xe2\x80\xa6,more\n", "has 4 fields in line 2, its header 2"),
        (b"path,label\n00.png\n", "has 1 fields in line 2, its header 2"),
        (b'path,label\n00.png,"cat\n01.png,dog\n', "cannot be read in line 3"),
        (b"path,label\n00.png,a\x07b\n01.png,dog\n", "has a label that cannot be shown"),
        (b"path,label\n00.png,cat\n01.png,cat\n", "holds one class only, cat"),
    ],
)
def test_a_csv_that_cannot_be_understood_is_refused_with_the_line(
    tmp_path: Path, rows: list[list[str]], content: bytes, says: str
) -> None:
    (tmp_path / "photos.csv").write_bytes(content)
    assert says in line(tmp_path / "photos.csv")

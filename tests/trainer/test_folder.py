import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.trainer.conftest import paint
from trainer.data import DataError, Geometry, SourceOptions, load, open_source
from trainer.sources.source import Source


def refusal(root: Path | str, **options: Any) -> str:
    with pytest.raises(DataError) as error:
        load(open_source(root, SourceOptions(**options)), Geometry(8, 3))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "nothing to train on: expected one folder per class" in refusal(tmp_path)


def test_images_without_class_folders_are_refused(tmp_path: Path) -> None:
    paint(tmp_path / "1.png", 1)
    assert "1 image but no class folders" in refusal(tmp_path)


def test_images_beside_class_folders_are_refused(photos: Path) -> None:
    paint(photos / "stray.jpg", 1)
    assert "1 image outside its class folders, such as stray.jpg" in refusal(photos)


def test_a_class_without_images_is_named_with_what_it_holds_instead(photos: Path) -> None:
    (photos / "bird").mkdir()
    (photos / "bird" / "1.heic").write_bytes(b"?")
    assert "bird holds no images (only .heic)" in refusal(photos)


def test_a_class_of_one_image_is_refused(photos: Path) -> None:
    paint(photos / "bird" / "1.png", 1)
    said = refusal(photos)
    assert "1 of 3 classes has less than 2 images, none is left to validate on: bird" in said


def test_one_class_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        paint(tmp_path / "cat" / f"{number}.png", number)
    assert "one class only, cat" in refusal(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows any bytes in a name")
def test_names_of_another_encoding_are_read_as_images_and_refused_as_classes(photos: Path) -> None:
    (photos / "dog ü" / "0 é.png").rename(photos / "dog ü" / os.fsdecode(b"caf\xe9.png"))
    assert len(open_source(photos).digest) == 64
    (photos / "dog ü").rename(photos / os.fsdecode(b"caf\xe9"))
    assert "rename it" in refusal(photos)


def test_a_folder_above_the_right_one_is_recognised(photos: Path) -> None:
    photos.rename(photos.with_name("train"))
    assert f"did you mean {photos.with_name('train')}?" in refusal(photos.parent)


def test_images_in_deeper_folders_are_not_lost_in_silence(photos: Path) -> None:
    paint(photos / "dog ü" / "more" / "1.png", 1)
    assert "two folders deep" in refusal(photos)


def test_all_broken_images_are_named_at_once(photos: Path) -> None:
    whole = (photos / "dog ü" / "1 é.png").read_bytes()
    (photos / "dog ü" / "1 é.png").write_bytes(whole[: len(whole) // 2])
    (photos / "dog ü" / "2 é.png").write_bytes(b"")
    (photos / "고양이" / "3 é.png").write_text("no image", encoding="utf-8")
    said = refusal(photos)
    assert "3 of 12 images" in said
    for name in ("dog ü/1 é.png", "dog ü/2 é.png", "고양이/3 é.png"):
        assert name in said


def test_every_one_of_many_broken_images_is_named(photos: Path) -> None:
    files = list(photos.rglob("*.png"))
    for file in files:
        file.write_bytes(b"broken")
    said = refusal(photos)
    assert "12 of 12 images" in said
    assert all(f"{file.parent.name}/{file.name}" in said for file in files)


def unreadable(source: Source, number: int) -> str:
    """What both readers say, which is the same; `number` files are bad."""
    with pytest.raises(DataError) as by_digest:
        _ = source.digest
    with pytest.raises(DataError) as by_decode:
        load(source, Geometry(8, 3))
    reasons = str(by_digest.value).partition("cannot be read: ")[2]
    assert reasons and reasons in str(by_decode.value)
    assert f"{number} of {len(source.labels)} images" in str(by_digest.value)
    assert "\n" not in str(by_digest.value)
    return str(by_digest.value)


def test_all_files_without_permission_are_named_at_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, whom no permission stops: those of two files are taken away beneath pathlib."""
    source, look = open_source(photos), Path.stat

    def stat(self: Path, **given: Any) -> os.stat_result:
        if self.name.startswith(("1", "2")) and self.parent.name == "dog ü":
            raise PermissionError(13, "Permission denied", str(self))
        return look(self, **given)

    monkeypatch.setattr(Path, "stat", stat)
    said = unreadable(source, 2)
    assert "dog ü/1 é.png (Permission denied), dog ü/2 é.png (Permission denied)" in said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file that nobody can read from its beginning")
def test_all_files_that_fail_while_they_are_read_are_named_at_once(photos: Path) -> None:
    for name in ("x.png", "y.png"):
        (photos / "dog ü" / name).symlink_to(Path("/proc/self/mem"))
    source = open_source(photos, SourceOptions(follow_links=True))
    assert "dog ü/x.png (Input/output error), dog ü/y.png (Input/output error)" in unreadable(source, 2)


def test_a_folder_named_as_an_image_is_named_as_unreadable(photos: Path) -> None:
    (photos / "dog ü" / "x.png").mkdir()
    assert "dog ü/x.png (not a regular file)" in unreadable(open_source(photos), 1)


def test_a_class_folder_may_be_named_as_an_image(photos: Path) -> None:
    (photos / "dog ü").rename(photos / "dog.png")
    assert open_source(photos).class_names == ("dog.png", "고양이")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make links")
def test_a_dangling_link_is_named_as_unreadable(photos: Path) -> None:
    (photos / "dog ü" / "x.png").symlink_to(photos / "gone.png")
    assert "dog ü/x.png (No such file or directory)" in unreadable(open_source(photos), 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes in the file system")
def test_a_named_pipe_is_named_as_unreadable_and_not_waited_for(photos: Path) -> None:
    os.mkfifo(photos / "dog ü" / "x.png")
    assert "dog ü/x.png (not a regular file)" in unreadable(open_source(photos), 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such name")
def test_a_broken_image_with_a_line_break_in_its_name_is_still_one_line(photos: Path) -> None:
    (photos / "dog ü" / "a\nb.png").write_bytes(b"broken")
    assert "a\\nb.png" in refusal(photos)


@pytest.mark.parametrize(("of", "method"), [(Path, "is_dir"), (os, "scandir")])
def test_a_folder_without_permission_is_refused(
    photos: Path, monkeypatch: pytest.MonkeyPatch, of: Any, method: str
) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(of, method, denied)
    said = refusal(photos)
    assert "cannot be read (Permission denied" in said
    assert "check the path and its permissions" in said


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("~no such user/x", "a home folder nobody has"),
        ("photos\0", "holds a NUL character"),
        ("x" * 300, "xxx"),
        ("y/" * 5000, "y/y"),
    ],
    ids=["home", "nul", "name", "path"],
)
def test_a_path_that_cannot_be_is_refused_in_a_line_of_readable_length(spec: str, says: str) -> None:
    assert says in refusal(spec)
    assert len(refusal(spec)) < 500


@pytest.mark.parametrize(
    ("spec", "says"), [("digit", "did you mean digits?"), ("no/such/place", "give digits"), ("", "give digits")]
)
def test_unknown_data_are_refused_with_what_is_allowed(spec: str, says: str) -> None:
    assert says in refusal(spec)


def test_a_misspelt_folder_is_guessed(photos: Path) -> None:
    assert f"did you mean {photos}?" in refusal(photos.with_name("내 사징"))


def test_a_file_of_another_kind_is_refused(photos: Path) -> None:
    assert "is a file of a kind that is not read" in refusal(next(photos.rglob("*.png")))


def test_an_archive_is_to_be_unpacked_first(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"PK")
    assert "unpack it" in refusal(tmp_path / "photos.zip")


def test_files_that_are_no_images_by_name_are_left_out_with_a_note(photos: Path) -> None:
    (photos / "dog ü" / "notes.txt").write_text("a dog", encoding="utf-8")
    (photos / "dog ü" / "raw.HEIC").write_bytes(b"?")
    source = open_source(photos)
    assert len(source) == 12
    assert "left out, by their names no images: 2 files (.heic, .txt)" in source.notes


def test_grey_photos_are_learned_in_grey_and_a_mixture_in_colour(photos: Path, tmp_path: Path) -> None:
    assert open_source(photos).default_channels == 3
    for file in photos.rglob("*.png"):
        Image.open(file).convert("L").save(file)
    assert open_source(photos).default_channels == 1
    paint(photos / "dog ü" / "3 é.png", seed=3)
    assert open_source(photos).default_channels == 3


links = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make links")


@links
def test_links_inside_the_folder_are_followed(photos: Path) -> None:
    (photos / "dog ü" / "6.png").symlink_to(photos / "dog ü" / "1 é.png")
    (photos / "wolf").symlink_to(photos / "dog ü")
    source = open_source(photos)
    assert len(source) == 20
    assert source.class_names == ("dog ü", "wolf", "고양이")


@links
def test_links_that_lead_out_are_named_and_followed_when_asked(photos: Path, tmp_path: Path) -> None:
    paint(tmp_path / "elsewhere" / "1.png", seed=50)
    paint(tmp_path / "elsewhere" / "2.png", seed=51)
    (photos / "bird").symlink_to(tmp_path / "elsewhere")
    (photos / "dog ü" / "6.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    said = refusal(photos)
    assert "2 links out of " in said
    assert f"bird -> {tmp_path / 'elsewhere'}" in said
    assert "dog ü/6.png -> " in said
    assert "--follow-links" in said
    source = open_source(photos, SourceOptions(follow_links=True))
    assert len(source) == 15
    assert source.names[:2] == ("bird/1.png", "bird/2.png")
    assert len(source.digest) == 64


@links
@pytest.mark.parametrize("target", [".", "..", "dog ü", "itself"], ids=["folder", "parent", "sibling", "itself"])
def test_a_link_that_leads_back_is_refused_or_harmless(photos: Path, target: str) -> None:
    """`again` is a link within a class folder: to itself or a folder above it, or to a class folder beside it."""
    again = photos / "고양이" / "again"
    again.symlink_to(again if target == "itself" else photos / target)
    said = refusal(photos, follow_links=True)
    assert ("again is a link that leads back" in said) or (target == "dog ü" and "two folders deep" in said)


@links
def test_a_data_folder_may_be_a_link_itself(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(photos)
    assert open_source(tmp_path / "link").digest == open_source(photos).digest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps both")
def test_two_names_that_look_the_same_are_refused(photos: Path) -> None:
    paint(photos / "dog ü" / "1 e\u0301.png", seed=9)
    assert "holds two names that differ in how accents are coded" in refusal(photos)


def test_folders_for_training_and_validation_are_trained_on_together(photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "train")
    shutil.copytree(tmp_path / "train", tmp_path / "val")
    source = open_source(tmp_path)
    assert source.official_test is None
    assert len(source) == 24
    assert source.class_names == ("dog ü", "고양이")
    assert "12 images of the official validation part are trained on too: folds are cut here" in source.notes


def test_images_beside_the_folders_for_training_and_test_are_not_lost(photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "train")
    shutil.copytree(tmp_path / "train", tmp_path / "test")
    assert open_source(tmp_path).official_test is not None
    paint(tmp_path / "stray.png", seed=1)
    assert "1 image outside its class folders, such as stray.png" in refusal(tmp_path)


@links
def test_folders_without_images_that_link_to_each_other_are_walked_once(photos: Path) -> None:
    inside = [photos / "dog ü" / name for name in "abcd"]
    for folder in inside:
        folder.mkdir()
    for folder in inside:
        for other in inside:
            if other != folder:
                (folder / other.name).symlink_to(other)
    assert len(open_source(photos)) == 12


def test_a_train_folder_beside_a_test_folder_without_classes_is_recognised(photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "train")
    paint(tmp_path / "test" / "1.png", seed=1)
    paint(tmp_path / "test" / "2.png", seed=2)
    assert f"did you mean {tmp_path / 'train'}?" in refusal(tmp_path)


def test_a_pattern_names_the_group_by_its_parentheses_or_by_all_it_matches(photos: Path) -> None:
    by_number = open_source(photos, SourceOptions(group=r"/(\d)")).groups
    assert by_number is not None
    assert by_number.tolist() == [0, 1, 2, 3, 4, 5] * 2
    whole = open_source(photos, SourceOptions(group=r"^[^/]+/\d")).groups
    assert whole is not None
    assert sorted(whole.tolist()) == list(range(12))
    notes = open_source(photos, SourceOptions(group=".*")).notes
    assert "every image is a group of its own: the groups change nothing" in notes


def test_a_pattern_that_misses_images_is_refused_with_one_of_them(photos: Path) -> None:
    said = refusal(photos, group="dog.*/([0-4])")
    assert "names no group in 7 of 12 paths, such as dog ü/5 é.png" in said
    assert "is no regular expression (missing )" in refusal(photos, group="(dog")


def test_pictures_that_cannot_be_read_may_be_left_out(photos: Path, tmp_path: Path) -> None:
    (photos / "dog ü" / "x.png").mkdir()
    options = SourceOptions(skip_broken=True)
    source = open_source(photos, options)
    assert len(source.digest) == 64
    data = load(source, Geometry(8, 3), cache=tmp_path / "cache", skip_broken=True)
    assert len(data.labels) == 12
    assert [line.partition(" (")[0] for line in data.left_out] == ["dog ü/x.png"]

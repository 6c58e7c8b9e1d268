import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.trainer.conftest import paint
from trainer.data import DataError, load, open_source
from trainer.sources.pixels import decode_image
from trainer.sources.source import Source


def refusal(root: Path | str) -> str:
    with pytest.raises(DataError) as error:
        load(open_source(root), 8, 3)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "nothing to train on: expected one folder per class" in refusal(tmp_path)


def test_images_without_class_folders_are_refused(tmp_path: Path) -> None:
    paint(tmp_path / "1.png", 1)
    assert "1 images but no class folders" in refusal(tmp_path)


def test_images_beside_class_folders_are_refused(photos: Path) -> None:
    paint(photos / "stray.jpg", 1)
    assert "outside its class folders, such as stray.jpg" in refusal(photos)


def test_a_class_without_images_is_named_with_what_it_holds_instead(photos: Path) -> None:
    (photos / "bird").mkdir()
    (photos / "bird" / "1.heic").write_bytes(b"?")
    assert "bird holds no images (only .heic)" in refusal(photos)


def test_a_class_of_one_image_is_refused(photos: Path) -> None:
    paint(photos / "bird" / "1.png", 1)
    assert "bird holds one image only" in refusal(photos)


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
        source.decode(8, 3)
    assert str(by_digest.value) == str(by_decode.value)
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
    assert "dog ü/x.png (Input/output error), dog ü/y.png (Input/output error)" in unreadable(open_source(photos), 2)


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


@pytest.mark.parametrize("method", ["is_dir", "iterdir"])
def test_a_folder_without_permission_is_refused(photos: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def denied(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, method, denied)
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


def test_a_file_is_refused(photos: Path) -> None:
    assert "is a file" in refusal(next(photos.rglob("*.png")))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".webp", ".tif", ".gif"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    Image.new("RGB", (30, 20), (200, 100, 50)).save(file)
    pixels = decode_image(file, 8, 3)
    assert pixels.shape == (3, 8, 8)
    assert np.abs(pixels.astype(int).mean(axis=(1, 2)) - [200, 100, 50]).max() < 6


def test_the_middle_is_kept_and_nothing_is_squeezed(tmp_path: Path) -> None:
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert decode_image(tmp_path / "wide.png", 10, 3).min() == 255


def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:4] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: bright to the right
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = decode_image(tmp_path / "a.png", 8, 1)[0]
    assert upright[:, 4:].min() == 255
    assert upright[:, :4].max() == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_kind_of_pixel_keeps_its_brightness(tmp_path: Path, mode: str) -> None:
    grey = Image.new("L", (16, 16), 128)
    image = Image.fromarray(np.full((16, 16), 128 * 256, dtype=np.uint16)) if mode == "I;16" else grey.convert(mode)
    file = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image.save(file)
    assert abs(decode_image(file, 8, 1).mean() - 128) < 6 or mode == "1"
    assert decode_image(file, 8, 3).shape == (3, 8, 8)


def test_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert decode_image(tmp_path / "a.png", 8, 3).min() == 255

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.conftest import paint
from trainer.data import DataError, load, open_source
from trainer.sources.pixels import decode_image


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


def test_of_many_broken_images_ten_are_named_and_the_rest_counted(photos: Path) -> None:
    for file in photos.rglob("*.png"):
        file.write_bytes(b"broken")
    assert "12 of 12 images" in refusal(photos)
    assert "and 2 more" in refusal(photos)


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

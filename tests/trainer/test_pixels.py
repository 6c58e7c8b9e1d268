"""Pictures of every kind to squares of bytes, and those to smaller sizes."""

import hashlib
import io
import os
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from trainer.geometry import Geometry
from trainer.pixels import CHUNK, Pixels, resized
from trainer.sources.pixels import square

CPU = torch.device("cpu")
Fit = Literal["crop", "pad", "squash"]
FITS: tuple[Fit, ...] = ("crop", "pad", "squash")
DARK, LIGHT, WHITE = (40, 80, 120), (200, 160, 220), (255, 255, 255)


def halves(left: object, right: object, mode: str, size: tuple[int, int] = (32, 32)) -> Image.Image:
    image = Image.new(mode, size, right)  # pyright: ignore[reportArgumentType]
    image.paste(left, (0, 0, size[0] // 2, size[1]))  # pyright: ignore[reportArgumentType]
    return image


def stored(image: Image.Image, kind: str, **options: object) -> Image.Image:
    """As it comes back from a file, not yet decoded."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def grey(colour: tuple[int, ...]) -> int:
    return Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))  # pyright: ignore[reportReturnType]


def sixteen_bits(kind: str) -> Image.Image:
    levels = np.tile(np.where(np.arange(32) < 16, 60 << 8, 200 << 8).astype(np.uint16), (32, 1))
    return stored(Image.fromarray(levels), kind)


def with_hidden_half() -> Image.Image:
    """Palette: the right half is the transparent colour."""
    return stored(halves(DARK, LIGHT, "RGB").quantize(2), "PNG", transparency=_index_of(LIGHT))


def _index_of(colour: tuple[int, ...]) -> int:
    palette = halves(DARK, LIGHT, "RGB").quantize(2).getpalette() or []
    return next(index for index in (0, 1) if tuple(palette[3 * index : 3 * index + 3]) == colour)


def moving(kind: str) -> Image.Image:
    first, second = halves(DARK, LIGHT, "RGB"), halves(LIGHT, DARK, "RGB")
    return stored(first, kind, save_all=True, append_images=[second], **({"lossless": True} if kind == "WEBP" else {}))


KINDS = {
    "RGB": (lambda: stored(halves(DARK, LIGHT, "RGB"), "PNG"), DARK, LIGHT),
    "BMP": (lambda: stored(halves(DARK, LIGHT, "RGB"), "BMP"), DARK, LIGHT),
    "TIFF": (lambda: stored(halves(DARK, LIGHT, "RGB"), "TIFF"), DARK, LIGHT),
    "JPEG": (lambda: stored(halves(DARK, LIGHT, "RGB"), "JPEG", quality=100), DARK, LIGHT),
    "WebP": (lambda: stored(halves(DARK, LIGHT, "RGB"), "WEBP", lossless=True), DARK, LIGHT),
    "CMYK JPEG": (lambda: stored(halves((215, 175, 135, 0), (255, 255, 255, 0), "CMYK"), "JPEG"), DARK, (0, 0, 0)),
    "grey": (lambda: stored(halves(60, 200, "L"), "PNG"), (60,) * 3, (200,) * 3),
    "grey with alpha": (lambda: stored(halves((60, 255), (60, 0), "LA"), "PNG"), (60,) * 3, WHITE),
    "grey with a transparent level": (
        lambda: stored(halves(60, 200, "L"), "PNG", transparency=200),
        (60,) * 3,
        WHITE,
    ),
    "one bit": (lambda: stored(halves(0, 1, "1"), "PNG"), (0,) * 3, WHITE),
    "palette": (lambda: stored(halves(DARK, LIGHT, "RGB").quantize(2), "PNG"), DARK, LIGHT),
    "palette with transparency": (with_hidden_half, DARK, WHITE),
    "RGBA": (lambda: stored(halves((*DARK, 255), (*LIGHT, 0), "RGBA"), "PNG"), DARK, WHITE),
    "half transparent": (lambda: stored(halves((0, 0, 0, 51), (*LIGHT, 255), "RGBA"), "PNG"), (204,) * 3, LIGHT),
    "16-bit PNG": (lambda: sixteen_bits("PNG"), (60,) * 3, (200,) * 3),
    "16-bit TIFF": (lambda: sixteen_bits("TIFF"), (60,) * 3, (200,) * 3),
    "moving GIF": (lambda: moving("GIF"), DARK, LIGHT),
    "moving PNG": (lambda: moving("PNG"), DARK, LIGHT),
    "moving WebP": (lambda: moving("WEBP"), DARK, LIGHT),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit", FITS)
def test_a_picture_of_every_kind_shows_its_colours(kind: str, fit: Fit) -> None:
    build, left, right = KINDS[kind]
    tolerance = 4 if "JPEG" in kind else 1
    coloured = square(build(), Geometry(8, 3, fit)).astype(int)
    assert coloured.shape == (3, 8, 8)
    assert np.abs(coloured[:, :, :3] - np.array(left)[:, None, None]).max() <= tolerance
    assert np.abs(coloured[:, :, 5:] - np.array(right)[:, None, None]).max() <= tolerance
    plain = square(build(), Geometry(8, 1, fit)).astype(int)
    assert plain.shape == (1, 8, 8)
    assert abs(plain[0, 4, 1] - grey(left)) <= tolerance and abs(plain[0, 4, 6] - grey(right)) <= tolerance


def test_pixels_that_are_floating_point_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="floating-point numbers of unknown range"):
        square(Image.new("F", (8, 8)), Geometry(8, 1))


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # what undoes the turn that the number asks for
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def noise(width: int, height: int, seed: int = 0, channels: int = 3) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(levels[..., 0] if channels == 1 else levels)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("fit", FITS)
def test_a_picture_is_turned_upright(orientation: int, fit: Fit) -> None:
    upright, turn = noise(24, 16), TURNS[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = stored(upright if turn is None else upright.transpose(turn), "PNG", exif=exif)
    assert np.array_equal(square(lying, Geometry(8, 3, fit)), square(upright, Geometry(8, 3, fit)))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"nonsense"])
def test_a_picture_with_a_broken_note_of_its_orientation_stays_as_it_is(exif: bytes) -> None:
    whole = stored(noise(24, 16), "JPEG")
    assert np.array_equal(
        square(stored(noise(24, 16), "JPEG", exif=exif), Geometry(8, 3)), square(whole, Geometry(8, 3))
    )


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_the_wanted_size_come_out_untouched(channels: Literal[1, 3], fit: Fit) -> None:
    image = noise(28, 28, channels=channels)
    pixels = square(image, Geometry(28, channels, fit))
    assert np.array_equal(pixels.transpose(1, 2, 0).squeeze(), np.asarray(image))


def test_grey_pixels_become_three_equal_channels() -> None:
    image = noise(28, 28, channels=1)
    assert np.array_equal(square(image, Geometry(28, 3)), np.repeat(np.asarray(image)[None], 3, axis=0))


def striped(long: int, wide: bool) -> Image.Image:
    """A strip 300 times as long as broad: black, the middle 2/300 red."""
    strip = np.zeros((1, 300, 3), np.uint8)
    strip[:, 149:151] = (255, 0, 0)
    image = Image.fromarray(strip).resize((long, long // 300), Image.Resampling.NEAREST)
    return image if wide else image.transpose(Image.Transpose.ROTATE_270)


@pytest.mark.parametrize("long", [300, 3000])
@pytest.mark.parametrize("wide", [True, False])
def test_the_middle_is_cut_out_of_a_very_long_picture(wide: bool, long: int) -> None:
    pixels = square(striped(long, wide), Geometry(8, 3))
    assert pixels[0].max() == 255 and not pixels[1:].any()


@pytest.mark.parametrize("long", [300, 3000])
@pytest.mark.parametrize("wide", [True, False])
def test_a_very_long_picture_is_padded_to_a_line_between_black_borders(wide: bool, long: int) -> None:
    white = Image.new("RGB", striped(long, wide).size, "white")
    pixels = square(white, Geometry(9, 3, "pad"))
    lines = pixels if wide else pixels.transpose(0, 2, 1)
    assert (lines[:, 4] == 255).all() and not np.delete(lines, 4, axis=1).any()


def test_a_padded_picture_keeps_its_proportions_and_place() -> None:
    pixels = square(Image.new("RGB", (40, 20), "white"), Geometry(16, 3, "pad"))
    assert (pixels[:, 4:12] == 255).all() and not pixels[:, :4].any() and not pixels[:, 12:].any()


@pytest.mark.parametrize("wide", [True, False])
def test_a_squashed_picture_shows_all_of_it(wide: bool) -> None:
    image = halves("white", "black", "RGB", (300, 2))
    pixels = square(image if wide else image.transpose(Image.Transpose.ROTATE_270), Geometry(8, 3, "squash"))
    rows = pixels if wide else pixels.transpose(0, 2, 1)
    assert (rows[:, :, :3] == 255).all() and not rows[:, :, 5:].any()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG"])
def test_a_picture_of_one_pixel_fills_the_square(kind: str, fit: Fit) -> None:
    pixels = square(stored(Image.new("RGB", (1, 1), (200, 200, 200)), kind), Geometry(8, 3, fit))
    assert np.abs(pixels.astype(int) - 200).max() <= 1


@pytest.mark.parametrize("fit", FITS)
def test_a_photo_read_at_a_fraction_of_its_size_looks_as_if_read_whole(fit: Fit) -> None:
    photo = noise(24, 18).resize((256, 192), Image.Resampling.BICUBIC)
    whole = square(stored(photo, "PNG"), Geometry(32, 3, fit)).astype(int)
    read = stored(photo, "JPEG", quality=95)
    fast = square(read, Geometry(32, 3, fit)).astype(int)
    assert read.size == (128, 96)  # of 256 x 192
    assert np.abs(whole - fast).mean() < 2


def images(count: int = 20, size: int = 24, channels: int = 3) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, size, size), generator=drawn, dtype=torch.uint8)


def test_the_stored_size_is_the_stored_memory() -> None:
    stored = images()
    assert Pixels(stored).at(24, CPU).data_ptr() == stored.data_ptr()


def test_a_smaller_size_is_made_once() -> None:
    asked: list[int] = []
    pixels = Pixels(images(), lambda size: (asked.append(size), images(size=size))[1])
    assert pixels.at(12, CPU) is pixels.at(12, CPU)
    assert asked == [12]


def test_a_larger_size_than_the_stored_one_is_refused() -> None:
    with pytest.raises(ValueError, match="stored at 24 px, 25 px were asked for"):
        Pixels(images()).at(25, CPU)


def pillow(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    planes = [Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR) for plane in picture]
    return np.stack([np.asarray(plane) for plane in planes])


@pytest.mark.parametrize(("channels", "size"), [(1, 12), (3, 12), (3, 17), (1, 5)])
def test_a_smaller_size_is_what_pillow_makes_of_each_image(channels: int, size: int) -> None:
    stored = images(channels=channels)
    made = Pixels(stored).at(size, CPU)
    assert made.shape == (20, channels, size, size) and made.dtype == torch.uint8
    for one, whole in zip(made, stored, strict=True):
        assert np.abs(one.numpy().astype(int) - pillow(whole.numpy(), size).astype(int)).max() <= 1


def test_images_are_resized_in_order_however_many_there_are() -> None:
    stored = images(CHUNK + 3, size=6, channels=1)
    made = Pixels(stored).at(4, CPU)
    for number in (0, CHUNK - 1, CHUNK, CHUNK + 2):
        assert torch.equal(made[number], next(resized(stored[number : number + 1], 4))[0])


def digest_of_resized() -> str:
    parts = [Pixels(images(channels=channels)).at(size, CPU) for channels in (1, 3) for size in (7, 12, 17)]
    return hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()


def test_a_processor_without_vector_instructions_makes_the_same_pixels() -> None:
    code = "from tests.trainer.test_pixels import digest_of_resized; print(digest_of_resized())"
    plain = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    told = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == digest_of_resized()

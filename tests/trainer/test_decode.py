"""All pictures of a source to pixels: in order, in parallel, the broken ones named or left out."""

import errno
import hashlib
import itertools
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.painted import SMALL, Counted, decoded, opened, painted, source_of
from trainer import decode as decoding
from trainer.decode import decode
from trainer.geometry import Geometry
from trainer.sources.pictures import ArrayPictures
from trainer.sources.pixels import square
from trainer.sources.source import DataError, Source


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return painted(tmp_path / "photos")


@pytest.fixture(params=["in memory", "cached"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "cache" if request.param == "cached" else None


def array_source(count: int, size: int = 4, pause: float = 0) -> Source:
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)
    names = tuple(f"train {number}" for number in range(count))
    labels = np.arange(count, dtype=np.int64) % 2
    return Source("npz", "arrays", ("a", "b"), names, labels, Counted(ArrayPictures(pixels), pause))


def test_the_pixels_stand_in_the_order_of_the_source(files: list[Path], cache: Path | None) -> None:
    for order in (files, files[::-1]):
        expected = np.stack([square(Image.open(file), SMALL) for file in order])
        assert np.array_equal(decoded(order, cache).pixels.stored.numpy(), expected)


def test_each_picture_is_decoded_once(files: list[Path], cache: Path | None) -> None:
    source = source_of(files)
    decode(source, SMALL, cache=cache)
    assert opened(source) == len(files)


def test_the_digest_is_that_of_the_pixels_and_their_shape(files: list[Path], cache: Path | None) -> None:
    found = decoded(files, cache)
    pixels = found.pixels.stored.numpy()
    assert found.digest == hashlib.sha256(pixels.tobytes() + b"(24, 3, 8, 8)").hexdigest()


def test_pixels_of_the_same_bytes_in_another_shape_have_another_digest() -> None:
    pixels = np.zeros((4, 8, 8), np.uint8)
    many = Source("npz", "a", ("a",), tuple("abcd"), np.zeros(4, np.int64), ArrayPictures(pixels))
    one = Source("npz", "a", ("a",), ("a",), np.zeros(1, np.int64), ArrayPictures(pixels.reshape(1, 16, 16)))
    assert decode(many, Geometry(8, 1), cache=None).digest != decode(one, Geometry(16, 1), cache=None).digest


@pytest.mark.parametrize("count", [1, decoding._BLOCK, decoding._BLOCK + 1, 2000])
def test_any_number_of_pictures_is_decoded(count: int, cache: Path | None) -> None:
    source = array_source(count)
    assert isinstance(source.pictures, Counted)
    found = decode(source, Geometry(4, 1), cache=cache).pixels.stored
    expected = np.stack([np.asarray(source.pictures.open(number)) for number in range(count)])
    assert np.array_equal(found[:, 0].numpy(), expected)


def test_progress_goes_from_nothing_to_all_in_one_thread_without_haste(cache: Path | None) -> None:
    heard: list[tuple[int, int]] = []
    threads: set[int] = set()

    def progress(done: int, total: int) -> None:
        heard.append((done, total))
        threads.add(threading.get_ident())

    began = time.monotonic()
    decode(array_source(3000), Geometry(4, 1), cache=cache, progress=progress)
    assert len(heard) <= 3 + 10 * (time.monotonic() - began)
    assert heard[0] == (0, 3000) and heard[-1] == (3000, 3000)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(heard))
    assert threads == {threading.get_ident()}


def test_little_is_decoded_ahead_of_who_takes_it() -> None:
    source = array_source(5000)
    blocks = decoding.blocks(source.pictures, len(source), Geometry(4, 1))
    next(blocks)
    time.sleep(0.3)
    ahead = opened(source)
    blocks.close()
    assert ahead <= decoding._BLOCK * (2 * decoding._threads() + 1)
    assert opened(source) < 5000


def test_whoever_goes_away_is_not_made_to_wait_for_the_rest() -> None:
    source, begun = array_source(5000, pause=0.005), []

    def go_away(done: int, total: int) -> None:
        if done:
            begun.append(opened(source))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(source, Geometry(4, 1), cache=None, progress=go_away)
    assert opened(source) - begun[0] <= decoding._BLOCK * decoding._threads()


def test_a_large_photo_puts_nothing_on_the_terminal(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)  # the pictures have 280
    decoded(files, None)
    assert not recwarn.list


def damage(files: list[Path]) -> None:
    whole = files[3].read_bytes()
    files[3].write_bytes(whole[: len(whole) // 2])
    files[8].write_bytes(b"")
    files[13].write_text("no image", encoding="utf-8")


def refusal(source: Source, cache: Path | None, skip_broken: bool = False) -> str:
    with pytest.raises(DataError) as error:
        decode(source, SMALL, cache=cache, skip_broken=skip_broken)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_all_broken_pictures_are_named_in_one_line(files: list[Path], cache: Path | None) -> None:
    damage(files)
    said = refusal(source_of(files), cache)
    assert said.startswith("3 of 24 images in photos cannot be read: 1/003 é.png (")
    assert "0/008 é.png (not an image), 1/013 é.png (not an image)" in said
    assert said.endswith("; repair or remove them, or leave them out with --skip-broken")


def test_a_line_about_very_many_broken_pictures_stays_readable(tmp_path: Path) -> None:
    files = painted(tmp_path / "photos", 60)
    for file in files:
        file.write_bytes(b"broken")
    said = refusal(source_of(files), None)
    assert "60 of 60 images" in said and "and 40 more;" in said


def test_a_broken_picture_with_a_line_break_in_its_name_is_still_one_line(files: list[Path]) -> None:
    damage(files)
    source = source_of(files)
    names = tuple(name.replace(" ", "\n") for name in source.names)
    assert "'1/003\\n\\xe9.png' (" in refusal(replace(source, names=names), None)


def test_broken_pictures_are_left_out_on_demand_and_named(files: list[Path], cache: Path | None) -> None:
    whole = [number for number in range(24) if number not in (3, 8, 13)]
    expected = decoded([files[number] for number in whole], None)
    damage(files)
    source = source_of(files)
    found = decode(source, SMALL, cache=cache, skip_broken=True)
    assert found.left_out[1:] == ("0/008 é.png (not an image)", "1/013 é.png (not an image)")
    assert found.left_out[0].startswith("1/003 é.png (")
    assert found.source.names == tuple(source.names[number] for number in whole)
    assert np.array_equal(found.source.labels, source.labels[whole])
    assert np.array_equal(found.pixels.stored.numpy(), expected.pixels.stored.numpy())
    assert found.digest == expected.digest


def test_nothing_is_left_out_of_whole_pictures(files: list[Path], cache: Path | None) -> None:
    source = source_of(files)
    found = decode(source, SMALL, cache=cache, skip_broken=True)
    assert found.source is source and found.left_out == ()


@pytest.mark.parametrize(("left", "said"), [(0, "would keep 0 of 3"), (1, "would keep 1 of 3")])
def test_a_class_that_would_keep_one_picture_or_none_is_refused(tmp_path: Path, left: int, said: str) -> None:
    files = painted(tmp_path / "photos", 9, classes=3)
    for file in files[1::3][left:]:
        file.write_bytes(b"broken")
    line = refusal(source_of(files, classes=3), None, skip_broken=True)
    assert f"without them class 1 {said}: repair them or remove the class" in line
    assert f"{3 - left} of 9 images" in line


def test_a_class_that_had_no_picture_before_is_not_lost(files: list[Path]) -> None:
    damage(files)
    source = source_of(files, classes=3)
    source = replace(source, labels=np.where(source.labels == 1, 0, source.labels))
    assert len(decode(source, SMALL, cache=None, skip_broken=True).source) == 21


def test_more_than_half_is_too_much_to_leave_out(files: list[Path], cache: Path | None) -> None:
    for file in files[:12]:
        file.write_bytes(b"broken")
    assert len(decode(source_of(files), SMALL, cache=cache, skip_broken=True).source) == 12
    files[12].write_bytes(b"broken")
    assert "more than half" in refusal(source_of(files), cache, skip_broken=True)


class Failing(Counted):
    """The machine fails at picture 5, as often as told."""

    times = 1

    def open(self, index: int) -> Image.Image:
        if index == 5 and self.times:
            self.times -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().open(index)


@pytest.mark.parametrize("skip_broken", [True, False])
def test_a_failure_of_the_machine_is_not_remembered_as_one_of_the_picture(
    files: list[Path], tmp_path: Path, skip_broken: bool
) -> None:
    source = source_of(files)
    source = replace(source, pictures=Failing(source.pictures))
    line = refusal(source, tmp_path / "cache", skip_broken)
    assert "1 of 24 images" in line and "0/005" not in line and "1/005 é.png (Too many open files)" in line
    assert len(decode(source, SMALL, cache=tmp_path / "cache").source) == 24


def test_a_file_that_is_gone_is_left_out_on_demand(files: list[Path], cache: Path | None) -> None:
    files[5].unlink()
    found = decode(source_of(files, skip_broken=True), SMALL, cache=cache, skip_broken=True)
    assert found.left_out == ("1/005 é.png (No such file or directory)",)
    assert len(found.source) == len(found.pixels) == 23
    assert len(found.source.digest) == 64

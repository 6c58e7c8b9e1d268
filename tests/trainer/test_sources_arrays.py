"""idx sets and npz files: what they hold, and what is refused."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.small_sources import Variant, idx, pixels, write_idx
from trainer.data import DataError, Geometry, SourceOptions, load, open_source
from trainer.sources.source import Source

LABELS = np.arange(12) % 3


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def refusal(spec: Path, **options: Any) -> str:
    with pytest.raises(DataError) as error:
        open_source(spec, SourceOptions(**options))
    assert "\n" not in str(error.value)
    return str(error.value)


def first_pixel(source: Source) -> list[int]:
    return np.atleast_1d(np.asarray(source.pictures.open(0))[0, 0]).tolist()


def test_an_idx_set_is_the_same_by_folder_by_file_and_unpacked(tmp_path: Path) -> None:
    idx(tmp_path, Variant())
    source = open_source(tmp_path)
    assert source.class_names == ("5", "6", "7")
    assert source.default_image_size == 9
    assert source.default_channels == 1
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    assert open_source(packed).digest == source.digest
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert open_source(tmp_path / "t10k-labels-idx1-ubyte").digest == source.digest


def test_an_unpacked_idx_file_comes_before_the_packed_one(tmp_path: Path) -> None:
    idx(tmp_path, Variant())
    before = open_source(tmp_path).digest
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.write_bytes(b"a download that was cut off")
    assert open_source(tmp_path).digest == before


def test_training_files_alone_have_no_official_test(tmp_path: Path) -> None:
    idx(tmp_path, Variant())
    for file in tmp_path.glob("t10k*"):
        file.unlink()
    source = open_source(tmp_path)
    assert source.official_test is None
    assert len(source) == 12


def test_of_several_idx_sets_in_a_folder_one_is_to_be_named(tmp_path: Path) -> None:
    for name in ("emnist-letters-", "emnist-digits-"):
        write_idx(tmp_path / f"{name}train-images-idx3-ubyte.gz", pixels(4, 1))
        write_idx(tmp_path / f"{name}train-labels-idx1-ubyte.gz", np.arange(4) % 2)
    assert "holds 2 idx sets, emnist-digits-, emnist-letters-: give one of the files" in refusal(tmp_path)
    assert len(open_source(tmp_path / "emnist-digits-train-labels-idx1-ubyte.gz")) == 4


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("train-images-idx3-ubyte.gz", b"\x1f\x8b\x08cut", "is damaged"),
        ("train-images-idx3-ubyte.gz", b"\x00\x00\x0d\x03" + bytes(12), "begins with 00 00 0d 03"),
        ("train-images-idx3-ubyte.gz", b"", "begins with nothing"),
        (
            "train-images-idx3-ubyte.gz",
            b"\x00\x00\x08\x03" + b"\x00\x00\x00\x02" * 3 + b"x",
            "announces 2 x 2 x 2 bytes",
        ),
        ("train-images-idx3-ubyte.gz", b"\x00\x00\x08\x03" + b"\xff\xff\xff\xff" * 3, "and holds 0"),
        (
            "train-labels-idx1-ubyte",
            b"\x00\x00\x08\x01\x00\x00\x00\x02\x01\x01",
            "12 images and train-labels-idx1-ubyte 2",
        ),
        ("t10k-labels-idx1-ubyte", None, "holds no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz", None, "holds no train-images-idx3-ubyte"),
    ],
)
def test_damaged_idx_files_are_refused_in_a_line(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    idx(tmp_path, Variant())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert says in refusal(tmp_path)


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target"), ("x", "species")])
def test_usual_names_of_arrays_are_found(tmp_path: Path, names: tuple[str, str]) -> None:
    source = open_source(saved(tmp_path, **dict(zip(names, (pixels(12, 1), LABELS), strict=True))))
    assert source.class_names == ("0", "1", "2")
    assert source.labels.tolist() == LABELS.tolist()


def test_keras_names_make_an_official_split(tmp_path: Path) -> None:
    file = saved(tmp_path, x_test=pixels(4, 2), y_test=LABELS[:4] % 2, x_train=pixels(6, 1), y_train=LABELS[:6] % 2)
    source = open_source(file)
    assert source.names[0] == "train 0"
    assert source.official_test is not None
    assert source.official_test.tolist() == [False] * 6 + [True] * 4
    data = load(source, Geometry(9, 1))
    assert len(data.test) == 4


@pytest.mark.parametrize(("channels", "learned"), [(1, 1), (3, 3), (4, 3)])
def test_channels_come_last(tmp_path: Path, channels: int, learned: int) -> None:
    images = pixels(12, 1, (70, 50, channels))
    source = open_source(saved(tmp_path, x=images, y=LABELS))
    assert source.default_channels == learned
    assert source.default_image_size == 64
    assert source.detailed
    assert first_pixel(source) == images[0, 0, 0].tolist()
    assert load(source, Geometry(8, learned), 0.25).images(8).shape == (12, learned, 8, 8)


def test_text_labels_are_class_names_and_names_for_numbers_are_found(tmp_path: Path) -> None:
    words = np.array(["b", "a", "é"])
    assert open_source(saved(tmp_path, x=pixels(12, 1), y=words[LABELS])).class_names == ("a", "b", "é")
    source = open_source(saved(tmp_path, x=pixels(12, 1), y=LABELS, names=words, other=np.array(["p", "q"])))
    assert source.class_names == ("b", "a", "é")
    source = open_source(saved(tmp_path, x=pixels(12, 1), y=LABELS, names=words, others=words[::-1]))
    assert source.class_names == ("0", "1", "2")  # which of the two is meant, nobody said


def test_labels_that_could_be_several_arrays_are_asked_for(tmp_path: Path) -> None:
    file = saved(tmp_path, x=pixels(12, 1), kind=LABELS, drawer=np.arange(12) // 2)
    said = refusal(file)
    assert "kind int64 [12], drawer int64 [12]; name it with --label NAME" in said
    assert "--group NAME" in said
    source = open_source(file, SourceOptions(label="kind"))
    assert source.notes == ("data.npz also holds drawer: if one names a person or object, declare it, --group NAME",)
    assert open_source(file, SourceOptions(label="kind", group="drawer")).notes == ()
    assert "holds no array drawers: its arrays are x uint8" in refusal(file, label="kind", group="drawers")


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (pixels(12, 1) / np.float32(255), "x = (255 * x).round().astype('uint8')"),
        (pixels(12, 1).astype(float), "x = x.round().clip(0, 255).astype('uint8')"),
        (pixels(12, 1).astype(np.uint16) * 257, "x = (x // 257).astype('uint8')"),
        (pixels(12, 1) > 9, "x = x.astype('uint8') * 255"),
        (pixels(12, 1, (3, 8, 8)), "x = x.transpose(0, 2, 3, 1)"),
        (pixels(12, 1, (49,)), "x = x.reshape(-1, 7, 7)"),
        (pixels(12, 1, (8, 8, 7)), "has the shape [12, 8, 8, 7]"),
        (pixels(0, 1), "holds no images"),
    ],
    ids=["0..1", "0..255", "16 bit", "bits", "channels first", "flat", "seven channels", "none"],
)
def test_other_pixels_are_refused_with_the_line_that_converts(tmp_path: Path, images: Any, says: str) -> None:
    said = refusal(saved(tmp_path, x=images, y=LABELS[: len(images)]))
    assert says in said
    assert images.dtype == np.uint8 or f"x holds {images.dtype} numbers, bytes from 0 to 255 are needed" in said
    line = said.partition("save it again with ")[2]
    if line.startswith("x = "):
        scope = {"x": images}
        exec(line, scope)
        assert open_source(saved(tmp_path, x=scope["x"], y=LABELS)).kind == "npz"


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": pixels(12, 1), "y": LABELS.astype(object)}, "holds arrays of Python objects"),
        ({"x": pixels(12, 1), "y": LABELS[:5]}, "y is not one whole number or text for each of x"),
        ({"x": pixels(12, 1), "y": np.eye(3)[LABELS]}, "from one column a class make numbers, y = y.argmax(1)"),
        ({"x": pixels(12, 1), "y": LABELS / 2}, "y is not one whole number or text for each of x"),
        ({"x": pixels(12, 1)}, "does not say which array holds the labels"),
        ({"pictures": pixels(12, 1), "y": LABELS}, "holds no images: its arrays are pictures uint8 [12, 7, 9]"),
        ({"x": pixels(12, 1), "x_test": pixels(2, 1), "y": LABELS}, "holds x both whole and in parts"),
        ({"x": pixels(12, 1), "y": np.zeros(12, int)}, "holds one class only, 0"),
    ],
)
def test_other_arrays_are_refused_in_a_line(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    assert says in refusal(saved(tmp_path, **arrays))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04cut off"])
def test_a_damaged_npz_is_refused_in_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    assert str(tmp_path / "data.npz") in refusal(tmp_path / "data.npz")
    whole = saved(tmp_path, x=pixels(12, 1), y=LABELS).read_bytes()
    (tmp_path / "data.npz").write_bytes(whole[: len(whole) // 2])
    assert "make it again" in refusal(tmp_path / "data.npz")


def test_a_flipped_byte_in_an_npz_is_noticed(tmp_path: Path) -> None:
    file = saved(tmp_path, x=pixels(12, 1), y=LABELS)
    content = bytearray(file.read_bytes())
    content[400] ^= 1
    file.write_bytes(content)
    assert "make it again" in refusal(file)


def test_a_group_on_both_sides_of_the_parts_is_named(tmp_path: Path) -> None:
    sides = {"x_train": pixels(8, 1), "y_train": LABELS[:8] % 2, "x_test": pixels(4, 2), "y_test": LABELS[:4] % 2}
    file = saved(tmp_path, **sides, writer_train=np.arange(8), writer_test=np.arange(7, 11))
    assert "1 group stands on both sides of the official split: 7" in refusal(file, group="writer")
    file = saved(tmp_path, **sides, group_train=np.arange(8) // 2, group_test=np.arange(4) + 9)
    source = open_source(file)
    assert source.groups is not None
    assert len(set(source.groups.tolist())) == 8


def test_equal_bytes_of_another_shape_are_other_images(tmp_path: Path) -> None:
    wide, high = (pixels(12, 1).reshape(shape) for shape in ((12, 3, 21), (12, 21, 3)))
    sources = [open_source(saved(tmp_path, x=images, y=LABELS)) for images in (wide, high)]
    assert sources[0].digest != sources[1].digest


def test_a_folder_with_one_npz_file_is_that_file(tmp_path: Path) -> None:
    file = saved(tmp_path, x=pixels(12, 1), y=LABELS)
    assert open_source(tmp_path).digest == open_source(file).digest
    file.with_name("more.npz").write_bytes(file.read_bytes())
    assert "holds 2 npz files, data.npz, more.npz: give the path of one" in refusal(tmp_path)

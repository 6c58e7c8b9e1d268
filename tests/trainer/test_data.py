from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.painted import painted, source_of
from trainer.data import SEALED, Dataset, Geometry, load, open_source
from trainer.decode import decode

CPU = torch.device("cpu")


def opened(data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    return data.test.open(lambda who, why: None, "test", "count")


def test_test_and_development_are_all_images_once(digits: Dataset) -> None:
    source = open_source("digits")
    rows, labels = opened(digits)
    assert sorted([*digits.development.tolist(), *rows.tolist()]) == list(range(1797))
    assert torch.equal(digits.images(16), decode(source, Geometry(16, 1), cache=None).pixels.stored)
    whole = digits.labels.clone()
    whole[rows] = labels
    assert np.array_equal(whole.numpy(), source.labels)
    assert len(rows) == len(digits.test) == 300


def test_the_labels_of_the_test_part_are_nowhere_but_in_it(digits: Dataset) -> None:
    rows, _ = opened(digits)
    assert (digits.labels[rows] == SEALED).all()
    assert (digits.labels[torch.from_numpy(digits.development)] >= 0).all()
    assert len(digits.strata) == len(digits.development)


def test_each_opening_of_the_test_part_is_recorded_before_the_labels_come_out(digits: Dataset) -> None:
    log: list[tuple[str, str]] = []
    digits.test.open(lambda who, why: log.append((who, why)), "worker 1", "confirm")
    assert log == [("worker 1", "confirm")]


def test_no_labels_come_out_when_the_opening_cannot_be_recorded(digits: Dataset) -> None:
    def fail(who: str, why: str) -> None:
        raise OSError("database gone")

    with pytest.raises(OSError, match="database gone"):
        digits.test.open(fail, "worker 1", "confirm")


def test_there_is_no_other_way_to_the_labels_of_the_test_part(digits: Dataset) -> None:
    seen = {name: getattr(digits.test, name) for name in dir(digits.test) if not name.startswith("_")}
    assert set(seen) == {"groups", "open", "rows"}
    assert not hasattr(digits.test, "__dict__")


def test_the_same_images_are_held_out_whatever_their_size(digits: Dataset) -> None:
    other = load(open_source("digits"), Geometry(8, 3))
    assert torch.equal(other.labels, digits.labels)
    assert other.digest == digits.digest
    assert other.decoded_digest != digits.decoded_digest


def test_a_dataset_already_in_place_is_not_copied(digits: Dataset) -> None:
    assert digits.to(CPU) is digits


def test_images_of_the_stored_size_are_not_copied(digits: Dataset) -> None:
    assert digits.images(16).data_ptr() == digits.pixels.stored.data_ptr()


def test_no_writer_is_in_two_parts() -> None:
    """The digits as if 60 people had written about 30 each."""
    data = load(replace(open_source("digits"), groups=np.arange(1797, dtype=np.int64) // 30), Geometry(8, 1))
    assert data.groups is not None and data.test.groups is not None
    assert not set(data.groups.tolist()) & set(data.test.groups.tolist())
    assert len(data.groups) == len(data.development) and len(data.test.groups) == len(data.test.rows)


def test_a_dataset_from_the_cache_is_the_same_dataset(tmp_path: Path) -> None:
    files = painted(tmp_path / "photos", 60)
    plain = load(source_of(files), Geometry(8, 3))
    for _ in range(2):
        cached = load(source_of(files), Geometry(8, 3), cache=tmp_path / "cache")
        assert torch.equal(cached.images(8), plain.images(8)) and torch.equal(cached.images(4), plain.images(4))
        assert torch.equal(cached.labels, plain.labels)
        assert (cached.digest, cached.decoded_digest) == (plain.digest, plain.decoded_digest)


def test_pictures_left_out_are_in_no_part_and_change_the_identity(tmp_path: Path) -> None:
    files = painted(tmp_path / "photos", 60)
    whole = load(source_of(files), Geometry(8, 3))
    files[7].write_bytes(b"broken")
    data = load(source_of(files), Geometry(8, 3), skip_broken=True)
    rows, _ = opened(data)
    assert data.left_out == ("1/007 é.png (not an image)",)
    assert sorted([*data.development.tolist(), *rows.tolist()]) == list(range(59))
    assert len(data.images(8)) == len(data.labels) == 59
    assert data.digest != whole.digest

import numpy as np
import pytest
import torch

from trainer.data import Dataset, load, open_source
from trainer.sources.digits import Digits


def test_test_and_development_are_all_images_once(digits: Dataset) -> None:
    images, labels = digits.test.open(lambda who, why: None, "test", "count")
    every = torch.cat([digits.images, images])
    source = torch.from_numpy(open_source("digits").decode(16, 1))
    assert sorted(map(bytes, every.flatten(1).numpy())) == sorted(map(bytes, source.flatten(1).numpy()))
    assert torch.cat([digits.labels, labels]).bincount().tolist() == np.bincount(Digits().labels).tolist()
    assert len(images) == len(digits.test) == 300


def test_each_opening_of_the_test_part_is_recorded_before_the_labels_come_out(digits: Dataset) -> None:
    log: list[tuple[str, str]] = []
    digits.test.open(lambda who, why: log.append((who, why)), "worker 1", "confirm")
    assert log == [("worker 1", "confirm")]


def test_no_labels_come_out_when_the_opening_cannot_be_recorded(digits: Dataset) -> None:
    def fail(who: str, why: str) -> None:
        raise OSError("database gone")

    with pytest.raises(OSError, match="database gone"):
        digits.test.open(fail, "worker 1", "confirm")


def test_there_is_no_other_way_to_the_test_part(digits: Dataset) -> None:
    seen = {name: getattr(digits.test, name) for name in dir(digits.test) if not name.startswith("_")}
    assert set(seen) == {"groups", "open"}
    assert not hasattr(digits.test, "__dict__")


def test_the_same_images_are_held_out_whatever_their_size(digits: Dataset) -> None:
    other = load(open_source("digits"), 8, 3)
    assert torch.equal(other.labels, digits.labels)
    assert other.digest == digits.digest
    assert other.decoded_digest != digits.decoded_digest


def test_a_dataset_already_in_place_is_not_copied(digits: Dataset) -> None:
    assert digits.to(torch.device("cpu")) is digits


class Writers(Digits):
    """The digits as if 60 people had written about 30 each."""

    groups = np.arange(1797, dtype=np.int64) // 30


def test_no_writer_is_in_two_parts() -> None:
    data = load(Writers(), 8, 1)
    assert data.groups is not None and data.test.groups is not None
    assert not set(data.groups.tolist()) & set(data.test.groups.tolist())
    assert len(data.groups) == len(data.images)

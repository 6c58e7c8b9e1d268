"""Names that suggest groups nobody declared are told; ordinary names are not."""

import random
import re
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import paint
from tests.trainer.small_sources import write_csv
from trainer.data import SourceOptions, open_source
from trainer.sources.suggestion import suggested_groups

CLASSES = ("cat", "dog", "owl")
Named = Callable[[random.Random, int], str]


def in_class_folders(names: Iterable[str]) -> tuple[list[str], np.ndarray]:
    """Names shuffled over three class folders."""
    luck = random.Random(0)
    paths = sorted({f"{luck.choice(CLASSES)}/{name}" for name in names})
    return paths, np.array([CLASSES.index(path.partition("/")[0]) for path in paths])


GROUPED: dict[str, list[str]] = {
    "person and number": [f"person{p:03d}_{n}.jpg" for p in range(40) for n in range(7)],
    "person and mask": [f"p{p}-{what}.png" for p in range(40) for what in ("mask1", "mask2", "normal", "incorrect")],
    "person, number and words": [
        f"사람 {p:03d} {what}.png" for p in range(60) for what in ("mask1", "mask2", "incorrect_mask", "normal")
    ],
    "omniglot": [f"{c:04d}_{d:02d}.png" for c in range(60) for d in range(20)],
    "frames of a video": [f"video {v} frame {n:05d}.png" for v in range(12) for n in range(0, 300, 15)],
    "both eyes": [f"{patient}_{side}.jpeg" for patient in range(100, 300) for side in ("left", "right")],
    "crops of one photo": [f"IMG_{n}_crop_{c}.jpg" for n in range(2000, 2060) for c in range(5)],
    "enlarged beforehand": [f"img{n:04d}_aug{a}.png" for n in range(80) for a in range(4)],
    "names of people": [f"{a}_{b}_{n}.jpg" for a in ("ann", "bo", "cy", "di") for b in "opqrs" for n in range(9)],
    "letters": [f"{p:03d}{letter}.png" for p in range(50) for letter in "abcd"],
    "person, day and number": [f"sub{p}_20190304_{n}.png" for p in range(30) for n in range(6)],
    "X-rays": [f"{p:08d}_{n:03d}.png" for p in range(80) for n in range(random.Random(p).randint(1, 8))],
}
HASHES = [uuid.UUID(int=random.Random(n).getrandbits(128), version=4) for n in range(400)]
PLAIN: dict[str, list[str]] = {
    "counted": [f"img_{n:04d}.png" for n in range(400)],
    "camera": [f"IMG_{n}.JPG" for n in range(2000, 2400)],
    "several cameras": [f"{('IMG_', 'DSC', 'DSCN', 'PXL_', 'photo-')[n % 5]}{n:05d}.JPG" for n in range(400)],
    "copies": [f"IMG_{n}{' (1)' if n % 9 == 0 else ''}.JPG" for n in range(400)],
    "numbers": [f"{n:04d}.png" for n in range(400)],
    "uuid": [f"{name}.jpg" for name in HASHES],
    "hexadecimal": [f"{name.hex}.jpg" for name in HASHES],
    "short hexadecimal": [f"{name.hex[:8]}_{name.hex[8:12]}.jpg" for name in HASHES],
    "class and number": [f"{CLASSES[n % 3]}.{n}.jpg" for n in range(400)],
    "windows": [f"cat ({n}).jpg" for n in range(400)],
    "phone": [f"IMG_20{19 + n // 200}{1 + n // 40:02d}{1 + n % 20:02d}_{120000 + n}.jpg" for n in range(400)],
    "another phone": [f"2019{1 + n // 40:02d}{1 + n % 20:02d}_{120000 + n}.jpg" for n in range(400)],
    "screenshots": [f"Screen 2021-0{1 + n % 9}-1{n % 9} at 1{n % 9}.{10 + n % 40}.{n % 50}.png" for n in range(400)],
    "flickr": [f"{name.int % 10**10}_{name.hex[:10]}_b.jpg" for name in HASHES],
    "coco": [f"COCO_train2014_{n:012d}.jpg" for n in range(400)],
    "imagenet": [f"n0{1440764 + n % 3}_{n}.JPEG" for n in range(400)],
    "four batches": [f"batch{n % 4}_{n}.png" for n in range(400)],
    "large batches": [f"batch{n % 20}_{n}.png" for n in range(3000)],
    "one camera and a few series": [f"{'IMG' if n < 150 else f'x{n // 4}'}_{n}.png" for n in range(210)],
    "few": [f"person{p}_{n}.jpg" for p in range(3) for n in range(7)],
    "one": ["a.png"],
}  # fmt: skip


@pytest.mark.parametrize("names", GROUPED.values(), ids=GROUPED)
def test_names_of_persons_and_objects_are_told_and_the_pattern_given_declares_them(names: list[str]) -> None:
    paths, labels = in_class_folders(names)
    said = suggested_groups(paths, labels)
    assert said is not None
    assert "\n" not in said
    (pattern,) = re.findall(r'--group "(.*)"$', said)
    matches = [re.search(pattern, path) for path in paths]
    groups = {match[1] for match in matches if match}
    assert all(matches)
    assert f" {len(groups)} different names" in said


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("person and number", "([^/_]+)_[^/]*$"),
        ("person and mask", "([^/-]+)-[^/]*$"),
        ("both eyes", "([^/_]+)_[^/]*$"),
    ],
)
def test_the_pattern_given_is_one_that_can_be_read(kind: str, pattern: str) -> None:
    said = suggested_groups(*in_class_folders(GROUPED[kind]))
    assert said is not None
    assert said.endswith(f'declare it, --group "{pattern}"')


@pytest.mark.parametrize("names", PLAIN.values(), ids=PLAIN)
def test_ordinary_names_suggest_nothing(names: list[str]) -> None:
    assert suggested_groups(*in_class_folders(names)) is None


def test_images_counted_in_each_class_suggest_nothing() -> None:
    for name in ("{}", "{} (1)", "{}_x", "{}_a_b"):
        paths = [f"{label}/{name.format(n)}_{label}.png" for label in CLASSES for n in range(100)]
        assert suggested_groups(paths, np.repeat(np.arange(3), 100)) is None


def test_the_name_of_the_class_in_the_name_of_the_file_suggests_nothing() -> None:
    many = [f"bird{n:03d}" for n in range(100)]
    paths = [f"{label}/{label}_{n}.png" for label in many for n in range(12)]
    assert suggested_groups(paths, np.repeat(np.arange(100), 12)) is None
    breeds = [f"{breed}_{n}.png" for breed in many for n in range(12)]
    assert suggested_groups(breeds, np.repeat(np.arange(100), 12), by_column=True) is None


def test_a_folder_for_each_person_is_told_and_a_shelf_or_a_day_is_not() -> None:
    labels = np.tile(np.arange(3), 80)
    persons = [f"images/{p:06d}_male_Asian_30/{n}.png" for p in range(40) for n in range(6)]
    said = suggested_groups(persons, labels, by_column=True)
    assert said is not None
    assert "images lie in folders of 40 different names such as 'images/000039_male_Asian_30', each on 6 images" in said
    assert said.endswith("declare it, in a column called group")
    shelves = [f"{p:02x}/{n}{uuid.UUID(int=p * n)}.png" for p in range(40) for n in range(6)]
    assert suggested_groups(shelves, labels, by_column=True) is None
    days = [f"2019-03-{p % 28 + 1:02d}/{p // 28}{n}{p:03d}.png" for p in range(40) for n in range(6)]
    assert suggested_groups(days, labels, by_column=True) is None
    alone = [f"images/{n}.png" for n in range(240)]
    assert suggested_groups(alone, labels, by_column=True) is None


def test_what_is_declared_is_not_suggested(tmp_path: Path) -> None:
    names = [f"{label}/person{p}_{n}.png" for label in ("no", "yes") for p in range(10) for n in range(2)]
    for name in names:
        paint(tmp_path / name, seed=1, size=(4, 4))
    (note,) = open_source(tmp_path).notes
    assert "file names begin with 10 different names such as 'person9', each on 4 images" in note
    assert open_source(tmp_path, SourceOptions(group=r"person\d")).notes == ()
    rows = [(name, name.partition("/")[0]) for name in names]
    file = write_csv(tmp_path / "all.csv", [("path", "label"), *rows])
    (note,) = open_source(file).notes
    assert note.endswith("in a column called group")
    file = write_csv(
        tmp_path / "all.csv", [("path", "label", "group"), *((*row, row[0].split("/")[1][:7]) for row in rows)]
    )
    assert open_source(file).notes == ()

"""What every source promises, asked of each."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.small_sources import BUILDERS, CHANGES, Instance, Variant
from trainer.data import Geometry, load, open_source
from trainer.sources.source import Source

PLAIN = Variant()


def opened(instance: Instance) -> Source:
    return open_source(instance.spec, instance.options)


@pytest.fixture(params=BUILDERS)
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Instance:
    return BUILDERS[request.param](tmp_path / "내 data", PLAIN)


@pytest.fixture(params=["digits", "faces", *BUILDERS])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Source]:
    if request.param in BUILDERS:
        instance = BUILDERS[request.param](tmp_path / "내 data", PLAIN)
        return lambda: opened(instance)
    return lambda: open_source(request.param)


def test_kind_labels_groups_and_split_are_those_that_were_written(instance: Instance) -> None:
    source = opened(instance)
    assert source.kind == instance.kind
    found = {name: source.class_names[label] for name, label in zip(source.names, source.labels, strict=True)}
    assert found == instance.labels
    if instance.groups is None:
        assert source.groups is None
    else:
        assert source.groups is not None
        together: dict[str, set[int]] = defaultdict(set)
        for name, group in zip(source.names, source.groups.tolist(), strict=True):
            together[instance.groups[name]].add(group)
        assert all(len(numbers) == 1 for numbers in together.values())
        assert len(set.union(*together.values())) == len(together)
    test = source.official_test
    assert (test is None) == (instance.test is None)
    if test is not None:
        assert {name for name, held in zip(source.names, test, strict=True) if held} == instance.test


def test_all_columns_have_one_entry_for_each_image(reopen: Callable[[], Source]) -> None:
    source = reopen()
    count = len(source)
    assert len(source.names) == len(set(source.names)) == count
    assert source.labels.shape == (count,)
    assert source.labels.dtype == np.int64
    assert source.labels.min() >= 0
    assert source.labels.max() < len(source.class_names) == len(set(source.class_names))
    for column, dtype in ((source.groups, np.int64), (source.official_test, np.bool_), (source.strata, np.int64)):
        assert column is None or (column.shape == (count,) and column.dtype == dtype)
    contents = source.pictures.contents()
    assert len(contents) == count
    assert {len(content) for content in contents} == {32}


def test_every_class_has_an_image_unless_the_label_is_a_product(reopen: Callable[[], Source]) -> None:
    source = reopen()
    if not source.parts and source.strata is None:
        assert set(source.labels.tolist()) == set(range(len(source.class_names)))
    assert not source.parts or len(source.class_names) == np.prod([len(part.class_names) for part in source.parts])


def test_every_image_opens(reopen: Callable[[], Source]) -> None:
    source = reopen()
    for index in range(0, len(source), max(1, len(source) // 50)):
        with source.pictures.open(index) as image:
            image.load()
            assert min(image.size) > 0


def test_opening_twice_gives_the_same(reopen: Callable[[], Source]) -> None:
    one, other = reopen(), reopen()
    assert one.digest == other.digest
    assert len(one.digest) == 64
    assert one.names == other.names
    assert one.labels.tolist() == other.labels.tolist()
    assert one.notes == other.notes


def test_the_defaults_load(reopen: Callable[[], Source]) -> None:
    source = reopen()
    data = load(source, Geometry(source.default_image_size, source.default_channels), 0.25)
    assert len(data.development) + len(data.test) == len(data.labels) == len(source)
    assert data.images(source.default_image_size).shape[1] == source.default_channels
    if source.official_test is not None:
        assert data.test.rows.tolist() == np.flatnonzero(source.official_test).tolist()


def test_some_images_alone_keep_what_they_have(reopen: Callable[[], Source]) -> None:
    whole = reopen()
    index = np.arange(1, len(whole), 2)
    part = whole.kept(index)
    assert part.names == whole.names[1::2]
    assert part.labels.tolist() == whole.labels[1::2].tolist()
    assert part.pictures.contents() == list(whole.pictures.contents())[1::2]
    assert part.digest != whole.digest


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(
    "variant",
    [PLAIN, Variant(form="NFD"), Variant(backwards=True)],
    ids=["copied", "decomposed names", "lines the other way round"],
)
def test_the_same_data_in_another_place_are_the_same(kind: str, variant: Variant, tmp_path: Path) -> None:
    here = opened(BUILDERS[kind](tmp_path / "here", PLAIN))
    there = opened(BUILDERS[kind](tmp_path / "deep" / "é" / "there", variant))
    assert there.digest == here.digest
    assert there.names == here.names
    assert there.labels.tolist() == here.labels.tolist()
    assert there.class_names == here.class_names


@pytest.mark.parametrize("kind", BUILDERS)
def test_the_order_in_which_a_disk_lists_files_does_not_matter(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = BUILDERS[kind](tmp_path, PLAIN)
    before = opened(instance)
    scandir = os.scandir

    @contextmanager
    def backwards(path: Any) -> Iterator[Iterator[Any]]:
        with scandir(path) as found:
            yield iter(sorted(found, key=lambda entry: entry.name, reverse=True))

    monkeypatch.setattr(os, "scandir", backwards)
    after = opened(instance)
    assert after.names == before.names
    assert after.digest == before.digest


@pytest.mark.parametrize(("kind", "change"), [(kind, change) for kind, some in CHANGES.items() for change in some])
def test_other_data_have_another_digest(kind: str, change: str, tmp_path: Path) -> None:
    plain = opened(BUILDERS[kind](tmp_path / "plain", PLAIN))
    changed = opened(BUILDERS[kind](tmp_path / "changed", Variant(change)))
    assert changed.digest != plain.digest
    assert len(changed) == len(plain)


def test_what_a_desktop_leaves_behind_changes_nothing(instance: Instance) -> None:
    before = opened(instance)
    root = instance.spec if instance.spec.is_dir() else instance.spec.parent
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        for litter in (".DS_Store", "Thumbs.db", "desktop.ini", "._1 é.png", "._photos.csv"):
            (folder / litter).write_bytes(b"litter")
        (folder / "__MACOSX").mkdir()
        (folder / "__MACOSX" / "1.png").write_bytes(b"litter")
    after = opened(instance)
    assert after.digest == before.digest
    assert after.names == before.names
    assert after.notes == before.notes

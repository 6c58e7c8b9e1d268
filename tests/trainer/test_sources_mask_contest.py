"""The mask contest's layout: 18 derived labels, the person as group, its parts as targets."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.small_sources import Variant, mask_contest
from trainer.data import DataError, Geometry, SourceOptions, load, open_source
from trainer.sources.faces import faces
from trainer.sources.mask_labels import CLASS_NAMES, MASK_OF_PHOTO, PARTS, age_band, class_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return mask_contest(tmp_path / "data" / "train", Variant()).spec


def test_classes_are_numbered_as_in_the_contest() -> None:
    """The contest's own table: class, mask, gender, age."""
    assert CLASS_NAMES[0] == "wear male <30"
    assert CLASS_NAMES[5] == "wear female >=60"
    assert CLASS_NAMES[6] == "incorrect male <30"
    assert CLASS_NAMES[17] == "normal female >=60"
    for mask in range(3):
        for gender in range(2):
            for age in range(3):
                names = (PARTS[0].class_names[mask], PARTS[1].class_names[gender], PARTS[2].class_names[age])
                assert CLASS_NAMES[mask * 6 + gender * 3 + age] == " ".join(names)
                assert class_of(mask, gender, age) == mask * 6 + gender * 3 + age
    assert MASK_OF_PHOTO["mask1"] == 0 and MASK_OF_PHOTO["incorrect_mask"] == 1 and MASK_OF_PHOTO["normal"] == 2


@pytest.mark.parametrize(("years", "band"), [(0, 0), (29, 0), (29.5, 0), (30, 1), (59, 1), (60, 2), (99, 2)])
def test_ages_are_cut_at_30_and_60(years: float, band: int) -> None:
    assert age_band(years) == band


def test_the_generated_faces_have_the_labels_of_the_contest() -> None:
    assert faces().class_names == CLASS_NAMES
    assert faces().parts == PARTS


@pytest.mark.parametrize("way", ["", "..", "images", "train.csv"])
def test_it_is_found_from_the_folder_beside_it_above_it_and_by_its_table(root: Path, way: str) -> None:
    assert open_source(root / way).digest == open_source(root).digest
    assert open_source(root / way).kind == "mask contest"


def test_all_18_classes_are_there_and_those_without_images_are_named(root: Path) -> None:
    source = open_source(root)
    assert source.class_names == CLASS_NAMES
    empty = [name for number, name in enumerate(CLASS_NAMES) if number not in source.labels]
    (note,) = source.notes
    assert note.startswith(f"{len(empty)} of 18 classes have no image: ")
    assert all(name in note for name in empty)


def test_folders_that_the_table_does_not_name_are_left_out_with_a_note(root: Path) -> None:
    (root / "images" / "000009_male_Asian_20").mkdir()
    assert "1 folder not in train.csv left out: 000009_male_Asian_20" in open_source(root).notes


def test_persons_may_lie_beside_the_table(root: Path) -> None:
    inside = open_source(root)
    for folder in (root / "images").iterdir():
        folder.rename(root / folder.name)
    (root / "images").rmdir()
    beside = open_source(root)
    assert beside.labels.tolist() == inside.labels.tolist()


@pytest.mark.parametrize("target", [part.name for part in PARTS])
def test_a_target_is_its_part_of_the_label_in_the_same_splits(root: Path, target: str) -> None:
    joint, part = open_source(root), open_source(root, SourceOptions(target=target))
    assert part.name == f"{joint.name}-{target}"
    (names,) = (part.class_names for part in PARTS if part.name == target)
    assert part.class_names == names
    for label, whole in zip(part.labels, joint.labels, strict=True):
        assert part.class_names[label] in CLASS_NAMES[whole].split()
    assert part.digest != joint.digest
    assert part.strata is not None
    assert part.strata.tolist() == joint.labels.tolist()
    one, other = load(joint, Geometry(8, 3), 0.25), load(part, Geometry(8, 3), 0.25)
    assert one.test.rows.tolist() == other.test.rows.tolist()
    assert (one.groups == other.groups).all() if one.groups is not None else False


def test_the_targets_together_are_the_label() -> None:
    joint = faces()
    mask, gender, age = (open_source("faces", SourceOptions(target=part.name)).labels for part in PARTS)
    assert np.array_equal(mask * 6 + gender * 3 + age, joint.labels)


def test_an_unknown_target_is_refused_with_those_there_are(root: Path, photos: Path) -> None:
    with pytest.raises(DataError, match="has no target race: its parts are mask, gender, age"):
        open_source(root, SourceOptions(target="race"))
    with pytest.raises(DataError, match="its labels have no parts: leave --target out"):
        open_source(photos, SourceOptions(target="mask"))


def test_options_of_other_kinds_of_data_are_refused(root: Path) -> None:
    with pytest.raises(DataError, match="mask contest data take no --group, csv, npz and class folders do"):
        open_source(root, SourceOptions(group="id"))
    with pytest.raises(DataError, match="digits data take no --label, csv and npz do: leave it out"):
        open_source("digits", SourceOptions(label="x"))

import numpy as np
import pytest

from tests.trainer.labelled import labelled
from trainer.folds import cut, hold_out
from trainer.replicate import Replicate
from trainer.sources.faces import faces
from trainer.sources.source import DataError
from trainer.split import split_report

LABELS = np.repeat(np.arange(3), [60, 30, 30]).astype(np.int64)
GROUPS = np.arange(120) // 3


def warned(*columns: object, folds: int = 5, **more: object) -> str:
    return "\n".join(split_report(labelled(*columns, **more), folds, 1 / 6).warnings)  # type: ignore[arg-type]


@pytest.mark.parametrize("replicate", [0, 7, 203])
def test_the_report_counts_the_sides_that_a_run_sees(replicate: int) -> None:
    source = labelled(LABELS, GROUPS)
    report = split_report(source, 5, 1 / 6, replicate)
    development, test = hold_out(source, 1 / 6)
    assert report.test.images == len(test)
    assert report.test.counts == tuple(np.bincount(LABELS[test]))
    assert report.development.groups == len(set(GROUPS[development]))
    number = Replicate.numbered(replicate)
    train, validation = (development[part] for part in cut(LABELS[development], GROUPS[development], number))
    for side, rows in zip(report.folds[number.fold], (train, validation), strict=True):
        assert (side.images, side.groups) == (len(rows), len(set(GROUPS[rows])))
        assert side.counts == tuple(np.bincount(LABELS[rows], minlength=3))


def test_ordinary_data_give_no_warning() -> None:
    assert warned(LABELS) == ""
    assert warned(LABELS, GROUPS) == ""
    assert split_report(faces(), 5, 1 / 6).warnings == ()


def test_few_groups_are_warned_of() -> None:
    few, enough = np.arange(120) % 10, np.arange(120) % 12
    assert "8 groups are few for 5 folds" in warned(np.zeros(120, int), few)
    assert warned(np.zeros(120, int), enough) == ""


def test_a_group_that_holds_more_than_a_fifth_is_warned_of() -> None:
    groups = np.where(np.arange(120) < 30, 0, np.arange(120))
    assert "one group holds 30 of 120 images (25 %)" in warned(np.zeros(120, int), groups)
    assert warned(np.zeros(120, int), np.where(np.arange(120) < 24, 0, np.arange(120))) == ""


def test_a_class_that_cannot_stand_in_every_fold_is_named_with_what_it_has() -> None:
    labels = np.where(np.arange(120) < 4, 1, 0)
    assert "every one of the 5 folds: class 1 (3 images)" in warned(labels)
    assert "every one of the 5 folds: class 1 (3 groups)" in warned(np.repeat(labels, 3), np.arange(360) // 3)
    assert warned(labels, folds=3) == ""


def test_a_class_of_one_group_is_said_to_be_trained_on_or_validated_on() -> None:
    labels = np.where(np.arange(120) < 6, 1, 0)
    said = warned(labels, np.where(labels == 1, 0, np.arange(120)))
    assert "never trained on and validated on at once, for there is one group only: class 1" in said
    assert "not in the test part: class 1" in said


def test_a_class_of_an_official_test_split_alone_is_said_to_be_unlearnable() -> None:
    labels = np.where(np.arange(120) < 6, 1, 0)
    assert "in the test part only, so that it cannot be learned: class 1" in warned(labels, test=[*range(6), 100])
    assert "not in the test part: class 1" in warned(labels, test=list(range(100, 120)))


def test_a_class_without_images_is_counted_and_not_warned_of() -> None:
    report = split_report(labelled(LABELS, classes=5), 5, 1 / 6)
    assert report.warnings == ()
    assert "3 classes of 30 (class 1) to 60 images; 2 classes have none" in report.headline()[0]


def test_the_report_of_eighteen_classes_is_a_dozen_lines_of_a_console() -> None:
    source = faces()
    lines = list(split_report(source, 5, 1 / 6).lines())
    assert len(lines) <= 12
    assert max(len(line) for line in lines) <= 100
    assert "1,680 images, 240 groups, 18 classes of 8 (incorrect male >=60) to 340 images" in lines[0]
    assert "held out by group; 5 folds" in lines[1]


def test_a_long_list_of_classes_is_cut_short() -> None:
    labels = np.concatenate([np.zeros(100, int), np.repeat(np.arange(1, 31), 4)])
    warning = warned(labels).splitlines()[0]
    assert warning.count("images)") == 4
    assert "and 26 more" in warning


def test_the_table_of_classes_adds_up() -> None:
    head, *rows = split_report(labelled(LABELS, GROUPS), 4, 1 / 6).classes()
    assert head.split() == ["class", "images", "test", *(word for n in range(4) for word in ("fold", str(n)))]
    for row in rows:
        images, *parts = [int(cell) for cell in row.split()[2:]]
        assert images == sum(parts)


def test_the_report_says_when_no_groups_are_declared_and_when_the_split_is_the_datas_own() -> None:
    first, second = split_report(labelled(LABELS, test=[0, 1, 70, 100]), 5, 1 / 6).headline()
    assert "no groups declared" in first
    assert "test 4 images, as the data say" in second


def test_a_split_that_cannot_be_is_refused_as_in_a_run() -> None:
    with pytest.raises(DataError, match="3 images left and they are cut 5 ways"):
        split_report(labelled([0, 0, 0, 0, 1, 1, 1, 1], test=[0, 4]), 5, 1 / 6)

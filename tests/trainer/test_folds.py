import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from tests.trainer.labelled import labelled
from trainer.folds import cut, hold_out, parts_of
from trainer.replicate import Replicate
from trainer.sources.faces import faces
from trainer.sources.source import DataError

LABELS = np.repeat(np.arange(3), [60, 30, 30]).astype(np.int64)
GROUPS = (np.arange(120) // 3).astype(np.int64)
PLAIN, GROUPED = labelled(LABELS), labelled(LABELS, GROUPS)
KNOWN_CUT = [6, 7, 9, 10, 14, 23, 25, 32, 33, 37, 38, 44, 63, 69, 74, 84, 88, 89, 93, 96, 103, 110, 111, 116]
KNOWN_GROUPS = [5, 7, 14, 17, 22, 23, 31, 37]


@given(st.integers(0, 2000), st.booleans(), st.integers(2, 6))
def test_a_cut_loses_nothing_shares_nothing_and_separates_no_group(number: int, grouped: bool, folds: int) -> None:
    groups = GROUPS if grouped else None
    train, validation = cut(LABELS, groups, Replicate.numbered(number, folds))
    assert sorted([*train, *validation]) == list(range(120))
    if grouped:
        assert not set(GROUPS[train]) & set(GROUPS[validation])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=40, max_size=120), st.integers(0, 9))
def test_groups_of_any_size_and_mix_are_cut_without_loss_or_an_empty_part(
    images: list[tuple[int, int]], seed: int
) -> None:
    labels, groups = (np.array(column, dtype=np.int64) for column in zip(*images, strict=True))
    if len(set(groups)) < 3 or np.bincount(labels).max() < 3:
        return
    parts = parts_of(labels, groups, 3, seed)
    assert sorted(np.concatenate(parts)) == list(range(len(images)))
    assert all(len(part) for part in parts)
    assert sum(len(set(groups[part])) for part in parts) == len(set(groups))


@given(st.lists(st.integers(0, 5), min_size=30, max_size=120), st.integers(2, 5), st.integers(0, 2**32 - 1))
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_without_groups_the_parts_are_those_of_scikit_learn(strata: list[int], count: int, seed: int) -> None:
    labels = np.array(strata, dtype=np.int64)
    expected = StratifiedKFold(count, shuffle=True, random_state=seed).split(labels, labels)
    for ours, (_, theirs) in zip(parts_of(labels, None, count, seed), expected, strict=True):
        assert ours.dtype == np.int64
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_the_folds_of_a_split_are_each_validated_on_once(groups: np.ndarray | None) -> None:
    parts = [cut(LABELS, groups, Replicate.numbered(number))[1] for number in range(5)]
    assert sorted(np.concatenate(parts)) == list(range(120))


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_folds_are_stratified(groups: np.ndarray | None) -> None:
    for number in range(5):
        _, validation = cut(LABELS, groups, Replicate.numbered(number))
        assert np.bincount(LABELS[validation]).tolist() == [12, 6, 6]


def test_every_class_of_the_faces_stands_in_every_fold_within_one_person_of_its_share() -> None:
    source = faces()
    assert source.groups is not None
    for seed in range(3):
        counts = [
            np.bincount(source.labels[part], minlength=18) for part in parts_of(source.labels, source.groups, 5, seed)
        ]
        share = np.bincount(source.labels) / 5
        photos = np.array([5] * 6 + [1] * 12)  # of one person in that class
        assert (np.abs(np.array(counts) - share).max(axis=0) < photos).all()
        assert np.min(counts) > 0


def test_groups_of_uneven_size_and_mixed_classes_are_spread_evenly() -> None:
    luck = np.random.RandomState(0)
    groups = np.repeat(np.arange(300), np.minimum(luck.geometric(0.1, 300), 60)).astype(np.int64)
    labels = luck.choice(6, len(groups), p=[0.5, 0.25, 0.15, 0.06, 0.03, 0.01]).astype(np.int64)
    counts = np.array([np.bincount(labels[part], minlength=6) for part in parts_of(labels, groups, 5, 1)])
    assert np.abs(counts - np.bincount(labels) / 5).max() < 3


def test_no_class_is_left_out_of_a_fold_by_a_few_groups_of_mixed_classes() -> None:
    luck = np.random.RandomState(0)
    groups = luck.randint(0, 12, 600).astype(np.int64)
    labels = (groups % 4 + (luck.rand(600) < 0.1) * luck.randint(1, 4, 600)) % 4
    for seed in range(20):
        assert all(len(set(labels[part])) == 4 for part in parts_of(labels, groups, 5, seed))


def test_a_class_of_as_many_groups_as_folds_stands_in_every_fold() -> None:
    groups = np.arange(200).astype(np.int64) // 4
    labels = np.where(groups < 5, 1, 0).astype(np.int64)
    for seed in range(20):
        assert all(labels[part].any() for part in parts_of(labels, groups, 5, seed))


@pytest.mark.parametrize("groups", [None, GROUPS, np.repeat(np.arange(15), np.arange(1, 16)).astype(np.int64)])
def test_another_split_seed_cuts_otherwise_and_the_same_one_the_same(groups: np.ndarray | None) -> None:
    first, again, other = (cut(LABELS, groups, Replicate.numbered(number))[1].tolist() for number in (0, 0, 5))
    assert first == again != other


def test_the_cut_is_the_same_on_every_machine() -> None:
    _, validation = cut(LABELS, None, Replicate.numbered(7))
    assert validation.tolist() == KNOWN_CUT
    _, validation = cut(LABELS, GROUPS, Replicate.numbered(7))
    assert sorted(set(GROUPS[validation].tolist())) == KNOWN_GROUPS


def test_the_names_of_the_groups_do_not_matter() -> None:
    _, named = cut(LABELS, GROUPS * 1000 - 7, Replicate.numbered(3))
    assert named.tolist() == cut(LABELS, GROUPS, Replicate.numbered(3))[1].tolist()


def test_the_pilot_shares_the_split_of_replicate_zero() -> None:
    pilot, first = (cut(LABELS, None, Replicate.numbered(number))[1].tolist() for number in (200, 0))
    assert pilot == first


@pytest.mark.parametrize(("fraction", "count"), [(1 / 6, 20), (0.25, 30), (0.4, 48), (0.5, 60)])
def test_the_test_part_has_its_size_and_shares_no_group(fraction: float, count: int) -> None:
    development, test = hold_out(GROUPED, fraction)
    assert abs(len(test) - count) <= 3
    assert sorted([*development, *test]) == list(range(120))
    assert not set(GROUPS[development]) & set(GROUPS[test])
    assert len(hold_out(PLAIN, fraction)[1]) == count


def test_the_test_part_is_stratified_by_the_strata_where_there_are_some() -> None:
    strata = np.arange(120) % 4
    _, test = hold_out(labelled(LABELS, strata=strata), 0.25)
    assert np.abs(np.bincount(strata[test]) - 7.5).max() < 1
    _, again = hold_out(labelled(1 - LABELS // 2, strata=strata), 0.25)
    assert test.tolist() == again.tolist()  # another target, the same test images


def test_a_class_of_one_group_is_learned_rather_than_tested() -> None:
    for alone in range(12):
        labels = np.where(np.arange(120) // 10 == alone, 1, 0)
        development, test = hold_out(labelled(labels, np.arange(120) // 10), 1 / 6)
        assert labels[development].any()
        assert not labels[test].any()


def test_a_class_of_few_images_is_tested_where_it_can_be() -> None:
    labels = np.array([0] * 100 + [1] * 20 + [2] * 3)
    _, test = hold_out(labelled(labels), 1 / 6)
    assert set(labels[test]) == {0, 1, 2}


def test_an_official_test_split_is_taken_as_it_is() -> None:
    development, test = hold_out(labelled(LABELS, GROUPS, test=[3, 4, 5, 117, 118, 119]), fraction=0.9)
    assert test.tolist() == [3, 4, 5, 117, 118, 119]
    assert sorted([*development, *test]) == list(range(120))


def test_a_group_on_both_sides_of_an_official_split_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"2 groups .* that of image 5 \(development\) and image 3 \(test\)"):
        hold_out(labelled(LABELS, GROUPS, test=[3, 4, 119]), 1 / 6)


@pytest.mark.parametrize(("test", "side"), [([], "test"), (list(range(120)), "development")])
def test_an_official_split_with_an_empty_side_is_refused(test: list[int], side: str) -> None:
    with pytest.raises(DataError, match=f"leaves no image for {side}"):
        hold_out(labelled(LABELS, test=test), 1 / 6)


@pytest.mark.parametrize("fraction", [0, -1, 0.6, float("nan"), 0.001])
def test_an_impossible_test_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(DataError, match="test fraction"):
        hold_out(PLAIN, fraction)


def test_too_little_data_is_refused_in_words() -> None:
    few = np.array([0, 0, 0, 1, 1, 1], dtype=np.int64)
    with pytest.raises(DataError, match="the largest class has 3 images left and they are cut 5 ways"):
        cut(few, None, Replicate.numbered(0))
    with pytest.raises(DataError, match="there are 2 groups left"):
        cut(LABELS, np.repeat(np.arange(2), 60).astype(np.int64), Replicate.numbered(0))


def test_a_class_smaller_than_the_number_of_folds_is_allowed(recwarn: pytest.WarningsRecorder) -> None:
    labels = np.array([0] * 20 + [1] * 2, dtype=np.int64)
    for groups in (None, np.arange(22, dtype=np.int64)):
        train, validation = cut(labels, groups, Replicate.numbered(0))
        assert len(train) + len(validation) == 22
    assert not recwarn.list

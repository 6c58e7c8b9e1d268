"""Which images an epoch shows: the sampling of a recipe."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.order import order, shown_counts, turns
from trainer.recipe import Recipe

RARE = torch.tensor([0] * 900 + [1] * 90 + [2] * 9)


def epoch(
    sampling: str, labels: torch.Tensor = RARE, number: int = 1, seed: int = 0, most: int | None = None
) -> list[int]:
    return order(labels, Recipe.model_validate({"sampling": sampling, "epoch_images": most}), seed, number).tolist()


def counts(chosen: list[int]) -> list[int]:
    return RARE[chosen].bincount(minlength=3).tolist()


def test_natural_sampling_shows_each_image_once() -> None:
    assert sorted(epoch("natural")) == list(range(999))


def test_balanced_sampling_shows_all_classes_equally_often() -> None:
    assert counts(epoch("balanced")) == [333, 333, 333]


def test_square_root_sampling_lies_between() -> None:
    root = torch.tensor([900.0, 90.0, 9.0]).sqrt()
    wanted = (root / root.sum() * 999).tolist()
    assert counts(epoch("square_root")) == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize("sampling", ["natural", "square_root", "balanced"])
def test_within_a_class_no_image_comes_a_second_time_before_all_came_once(sampling: str) -> None:
    chosen = torch.tensor(epoch(sampling))
    for label in range(3):
        often = chosen[RARE[chosen] == label].bincount(minlength=len(RARE))[label == RARE]
        assert often.max() - often.min() <= 1


@pytest.mark.parametrize("sampling", ["natural", "square_root", "balanced"])
def test_each_epoch_and_each_seed_has_an_order_of_its_own_that_can_be_drawn_again(sampling: str) -> None:
    drawn = [epoch(sampling), epoch(sampling, number=2), epoch(sampling, seed=1)]
    assert len({tuple(chosen) for chosen in drawn}) == 3
    assert epoch(sampling) == drawn[0]


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(0, 5))
def test_an_epoch_has_as_many_images_as_the_training_set_whatever_the_classes(labels: list[int], number: int) -> None:
    given_labels = torch.tensor(labels)
    for sampling in ("natural", "square_root", "balanced"):
        chosen = epoch(sampling, given_labels, number)
        assert len(chosen) == len(labels)
        assert set(chosen) <= set(range(len(labels)))
    shown = given_labels[epoch("balanced", given_labels, number)].bincount()
    present = shown[given_labels.bincount() > 0]
    assert present.max() - present.min() <= 1, "also where a class has no image at all"


def test_a_short_epoch_is_a_part_of_the_whole_one_and_balanced_too() -> None:
    assert epoch("balanced", most=300) == epoch("balanced")[:300]
    assert min(counts(epoch("balanced", most=300))) > 60


def test_turns_count_how_often_an_image_came_before() -> None:
    assert turns(torch.tensor([3, 1, 3, 3, 1, 0]), 5).tolist() == [5, 5, 6, 7, 6, 5]


def test_what_is_shown_on_average_is_what_the_epochs_show() -> None:
    for sampling in ("natural", "square_root", "balanced"):
        shown = torch.tensor([counts(epoch(sampling, number=number)) for number in range(20)]).double().mean(dim=0)
        assert shown.tolist() == pytest.approx(shown_counts(RARE.bincount(), sampling).tolist(), abs=1)

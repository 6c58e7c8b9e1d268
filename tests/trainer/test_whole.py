"""Runs that keep no image for validation: on all development images, or on the test part as well."""

from dataclasses import replace

import pytest
import torch

from trainer.data import Dataset, Geometry, load, open_source
from trainer.recipe import Plateau, Recipe
from trainer.replicate import EVERYTHING_FROM, WHOLE_FROM, Replicate
from trainer.run import Run, RunError

RECIPE = Recipe(image_size=8, epochs=3, decay_epochs=1, lr=0.004, epoch_images=300)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(open_source("digits"), Geometry(8, 1))


def whole(data: Dataset, number: int = WHOLE_FROM, recipe: Recipe = RECIPE) -> Run:
    return Run(recipe, Replicate.numbered(number), data, CPU)


def opened(data: Dataset) -> Dataset:
    return data.opened(lambda who, why: None, "test", "test")


def test_a_whole_run_trains_on_every_development_image_and_on_no_test_image(digits: Dataset) -> None:
    rows, validation = digits.sides(Replicate.numbered(WHOLE_FROM))
    assert rows.tolist() == digits.development.tolist()
    assert len(validation) == 0
    assert not set(rows) & set(digits.test.rows)
    everything, _ = digits.sides(Replicate.numbered(EVERYTHING_FROM))
    assert sorted(everything) == sorted([*digits.development, *digits.test.rows])


def test_a_whole_run_finishes_its_epochs_without_a_score(digits: Dataset) -> None:
    run = whole(digits)
    epochs = list(run)
    assert run.stop == "finished"
    assert [epoch.phase for epoch in epochs] == ["warm-up", "constant", "decay"]
    assert all(epoch.score != epoch.score and epoch.train_loss > 0 for epoch in epochs)
    assert run.best is None
    _, labels = digits.test.open(lambda who, why: None, "test", "test")
    assert run.score_on(torch.from_numpy(digits.test.rows), labels) > 0.3


def test_a_whole_run_that_is_resumed_is_the_same_run(digits: Dataset) -> None:
    undisturbed, first = whole(digits), whole(digits)
    list(undisturbed)
    next(first)
    again = whole(digits)
    again.load_state_dict(first.state_dict())
    list(again)
    mine, theirs = again.averaged_weights(), undisturbed.averaged_weights()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_seeds_of_whole_runs_differ(digits: Dataset) -> None:
    one, other = (next(whole(digits, number)).train_loss for number in (WHOLE_FROM, WHOLE_FROM + 1))
    assert one != other


def test_the_labels_of_the_test_part_are_learned_only_once_they_are_opened_on_record(digits: Dataset) -> None:
    with pytest.raises(RunError, match="wants the test part opened"):
        whole(digits, EVERYTHING_FROM)
    told: list[str] = []
    data = digits.opened(lambda who, why: told.append(why), "me", "all of it")
    assert told == ["all of it"]
    assert (digits.labels[digits.test.rows] < 0).all(), "the sealed data stay sealed"
    run = whole(data, EVERYTHING_FROM)
    assert len(list(run)) == RECIPE.epochs


def test_no_other_run_ever_gets_the_opened_data(digits: Dataset) -> None:
    for number in (0, 100, WHOLE_FROM):
        with pytest.raises(RunError, match="must not see the test part"):
            whole(opened(digits), number)


def test_a_whole_run_that_diverges_says_so(digits: Dataset) -> None:
    run = whole(digits, recipe=RECIPE.model_copy(update={"lr": 10_000.0}))
    list(run)
    assert run.stop == "diverged"


def test_a_whole_run_cannot_be_stopped_by_a_score_that_it_does_not_have(digits: Dataset) -> None:
    with pytest.raises(RunError, match="leave plateau out"):
        whole(digits, recipe=RECIPE.model_copy(update={"plateau": Plateau(delta=0.01)}))


def test_replicates_of_a_later_study_are_whole_in_the_same_places() -> None:
    assert Replicate.numbered(3 * 1000 + WHOLE_FROM).whole
    assert not Replicate.numbered(3 * 1000 + 299).whole
    assert replace(Replicate.numbered(0), number=EVERYTHING_FROM).everything

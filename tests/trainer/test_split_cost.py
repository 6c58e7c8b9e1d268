"""What a split that ignores groups pretends: measured on the faces, whose persons a net can learn by heart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from tests.trainer.conftest import CPU, SMALL
from trainer.data import Dataset, Geometry, load
from trainer.replicate import Replicate
from trainer.run import Run, RunError
from trainer.sources.faces import faces
from trainer.sources.source import DataError
from trainer.split_cost import Flattery, Pair, flattery

SHORT = SMALL.model_copy(
    update={
        "image_size": 32,
        "channels": 3,
        "epochs": 8,
        "decay_epochs": 3,
        "epoch_images": None,
        "lr": 0.01,
        "metric": "accuracy",
    }
)


@dataclass(frozen=True)
class Measured:
    """`validated` and `tested`: accuracy for each person, of the nets that were validated on other persons."""

    cost: Flattery
    validated: np.ndarray
    tested: np.ndarray


@pytest.fixture(scope="module")
def measured() -> Measured:
    source = faces()
    data = load(source, Geometry(32, 3))
    people = torch.from_numpy(source.groups)
    test_rows, test_labels = data.test.open(lambda who, why: None, "the tests", "agreement of test and validation")
    found, validated, tested = [], [], []
    for number in range(3):
        run = trained(data, number)
        found.append(Pair(number, score(run), score(trained(without_groups(data), number))))
        rows = run.validation_index
        validated += by_person(run, rows, data.labels[rows], people)
        tested.append(by_person(run, test_rows, test_labels, people))
    return Measured(Flattery(tuple(found)), np.array(validated), np.mean(tested, axis=0))


def trained(data: Dataset, number: int) -> Run:
    run = Run(SHORT, Replicate.numbered(number), data, CPU)
    for _ in run:
        pass
    return run


def score(run: Run) -> float:
    assert run.last is not None
    return run.last.score


def by_person(run: Run, rows: torch.Tensor, labels: torch.Tensor, people: torch.Tensor) -> list[float]:
    whose = people[rows]
    return [run.score_on(rows[whose == person], labels[whose == person]) for person in whose.unique()]


def without_groups(data: Dataset) -> Dataset:
    return replace(data, groups=None)


def test_a_random_split_of_the_faces_scores_visibly_higher_than_the_person_split(measured: Measured) -> None:
    cost = measured.cost
    assert cost.difference > 0.2
    assert cost.difference > 5 * cost.spread / math.sqrt(len(cost.pairs))
    assert min(pair.difference for pair in cost.pairs) > 0.15
    assert "a random split flatters by" in cost.sentence


def test_the_test_split_of_the_faces_agrees_with_the_person_split_within_noise(measured: Measured) -> None:
    validated, tested = measured.validated, measured.tested
    assert (len(validated), len(tested)) == (120, 40)
    noise = math.sqrt(sum(np.var(each, ddof=1) / len(each) for each in (validated, tested)))
    assert abs(validated.mean() - tested.mean()) < 2 * noise
    assert noise < 0.08  # small enough for the two lines above and below to say something
    assert measured.cost.random - tested.mean() > 3 * noise


def grouped(digits: Dataset) -> Dataset:
    return replace(digits, groups=digits.development // 2)


def test_both_runs_of_a_pair_have_the_same_recipe_and_replicate(digits: Dataset) -> None:
    data = grouped(digits)
    cost = flattery(data, SMALL, [Replicate.numbered(3)], CPU)
    for given, found in ((data, cost.by_group), (digits, cost.random)):
        run = Run(SMALL, Replicate.numbered(3), given, CPU)
        for _ in run:
            pass
        assert run.last is not None
        assert run.last.score == found


def test_data_without_groups_cannot_be_measured(digits: Dataset) -> None:
    with pytest.raises(DataError, match=r"digits declares no groups, .* give --group"):
        flattery(digits, SMALL, [Replicate.numbered(0)], CPU)


def test_a_run_that_diverges_is_told_with_what_to_do(digits: Dataset) -> None:
    with pytest.raises(RunError, match="replicate 0 diverged at lr 10000: give less, such as --set lr=1000"):
        flattery(grouped(digits), SMALL.model_copy(update={"lr": 1e4, "ema_epochs": 0.0}), [Replicate.numbered(0)], CPU)


def told(*differences: float) -> str:
    return Flattery(tuple(Pair(n, 0.5, 0.5 + difference) for n, difference in enumerate(differences))).sentence


@pytest.mark.parametrize(
    ("differences", "sentence"),
    [
        ((0.2, 0.21, 0.214), "a random split flatters by 20.8 points: the same group stands on both sides"),
        ((-0.05, -0.04), "a random split scores 4.5 points lower: groups do not help it here"),
        ((0.03, -0.02, 0.01), "0.7 points apart, and no telling from 3 replicates, which differ by 2.5 points"),
        ((0.2,), "20.0 points apart, and no telling from 1 replicate: give more with --replicates"),
        ((0.0, 0.0), "0.0 points apart, and no telling from 2 replicates"),
    ],
)
def test_what_is_said_follows_from_the_paired_differences(differences: Sequence[float], sentence: str) -> None:
    assert told(*differences).startswith(sentence)

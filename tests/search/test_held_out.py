"""What the opened test part says: scores from answers, intervals that hold for other images, and a warning in time."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search.answer import answer_lines
from search.conclusions import settle_test_report
from search.held_out import FROM_CLASSES, Answers, Stored, Truth, crossed_gain, report, score
from search.snapshot import take
from search.workplace import Workplace
from trainer.score import Score

CLASSES = ("cat", "dog", "eel")


def answers(
    labels: list[int], *predicted: list[int], groups: list[int] | None = None, seen: tuple[int, ...] = (1, 1, 1)
) -> Answers:
    truth = Truth(
        labels=Stored.of(np.asarray(labels)), groups=None if groups is None else tuple(groups), development=seen
    )
    return Answers(truth, {n: np.asarray(each) for n, each in enumerate(predicted)}, CLASSES)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40), st.sampled_from(FROM_CLASSES)
)
def test_a_score_from_answers_is_the_score_of_the_trainer(pairs: list[tuple[int, int]], metric: str) -> None:
    labels, predicted = ([pair[n] for pair in pairs] for n in (0, 1))
    told = score(metric, answers(labels, predicted).confusion(0))
    truth = torch.tensor(labels)
    whole = Score(metric, 3, truth)
    whole.add(torch.nn.functional.one_hot(torch.tensor(predicted), 3).float(), truth)
    assert told == pytest.approx(whole.value().item(), abs=1e-6)


def noisy(labels: np.ndarray, right: float, draw: np.random.Generator) -> list[int]:
    wrong = draw.random(len(labels)) > right
    return [int((label + wrong[n]) % 3) for n, label in enumerate(labels)]


def test_the_mean_of_a_crossed_gain_is_what_was_observed_and_its_interval_holds_for_other_images() -> None:
    hits, rounds, true = 0, 40, 0.1
    for seed in range(rounds):
        draw = np.random.default_rng(seed)
        labels = draw.integers(3, size=150)
        runs = [noisy(labels, right, draw) for right in (*[0.8] * 6, *[0.7] * 6)]
        told = crossed_gain(answers(labels.tolist(), *runs), "accuracy", range(6), range(6, 12), draws=300)
        observed = np.mean(
            [np.mean(np.asarray(runs[n]) == labels) - np.mean(np.asarray(runs[n + 6]) == labels) for n in range(6)]
        )
        assert told.mean == pytest.approx(observed)
        hits += told.low <= true <= told.high
    assert hits >= 0.8 * rounds


def test_images_of_one_group_are_drawn_together_and_make_the_interval_wider() -> None:
    draw = np.random.default_rng(3)
    labels = np.repeat(draw.integers(3, size=30), 10)
    groups = np.repeat(np.arange(30), 10).tolist()
    good = np.repeat(draw.random(30) < 0.9, 10)  # a person is recognised in all of its pictures or in none
    bad = np.repeat(draw.random(30) < 0.6, 10)
    runs = [[int((label + (not ok[n])) % 3) for n, label in enumerate(labels)] for ok in (good, bad)]
    apart = crossed_gain(answers(labels.tolist(), *runs), "accuracy", [0], [1], draws=300)
    together = crossed_gain(answers(labels.tolist(), *runs, groups=groups), "accuracy", [0], [1], draws=300)
    assert together.high - together.low > 2 * (apart.high - apart.low)
    weights = answers(labels.tolist(), *runs, groups=groups).resampled(np.random.default_rng(0))
    assert all(len(set(weights[n : n + 10])) == 1 for n in range(0, 300, 10))


def test_equal_evidence_gives_an_equal_interval() -> None:
    labels = [0, 1, 2] * 20
    runs = [noisy(np.asarray(labels), 0.8, np.random.default_rng(n)) for n in range(4)]
    twice = [crossed_gain(answers(labels, *runs), "macro_f1", [0, 1], [2, 3], draws=50) for _ in range(2)]
    assert twice[0] == twice[1]


def test_a_test_part_that_says_much_less_than_validation_is_told_with_what_may_be_behind_it() -> None:
    labels = [0] * 80 + [1] * 10 + [2] * 10
    runs = [noisy(np.asarray(labels), 0.5, np.random.default_rng(n)) for n in range(4)]
    told = report(answers(labels, *runs, seen=(100, 100, 100)), "accuracy", range(4), validation=0.78, noise=0.01)
    assert told.warning is not None
    assert told.warning.startswith("validation says 0.7800, the test part 0.")
    assert any("no groups are declared" in hint for hint in told.hints)
    assert "cat is 33 % of the images to learn from and 80 % of the test part" in " ".join(told.hints)
    grouped = answers(labels, *runs, groups=list(range(100)), seen=(80, 10, 10))
    assert (
        report(grouped, "accuracy", range(4), 0.78, 0.01)
        .hints[0]
        .startswith("groups are declared and classes mixed alike")
    )
    assert sum(map(sum, told.confusion)) == 400


def test_a_test_part_that_agrees_with_validation_is_no_warning() -> None:
    labels = [0, 1, 2] * 30
    runs = [noisy(np.asarray(labels), 0.8, np.random.default_rng(n)) for n in range(4)]
    told = report(answers(labels, *runs), "accuracy", range(4), validation=0.80, noise=0.01)
    assert (told.warning, told.hints) == (None, ())
    assert set(told.per_class) == set(CLASSES)


def test_a_study_without_answers_on_record_has_no_report_and_still_an_answer(at: Workplace) -> None:
    settle_test_report(at.study, "w")
    assert at.study.test_report() is None
    assert Answers.read(at.study, [1, 2]) is None
    assert answer_lines(take(at.study))[-1] == "not answered yet: the same launch line goes on"

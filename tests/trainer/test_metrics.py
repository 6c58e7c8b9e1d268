import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from trainer.metrics import Metric, Score

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def score(metric: Metric, answers: list[int], labels: list[int], batch: int) -> float:
    truth = torch.tensor(labels)
    found = Score(metric, 5, truth)
    logits = torch.eye(5)[torch.tensor(answers)]
    for part, expected in zip(logits.split(batch), truth.split(batch), strict=True):
        found.add(part, expected)
    return found.value().item()


@given(PAIRS, st.integers(1, 7))
def test_macro_f1_averages_over_exactly_the_classes_present(pairs: list[tuple[int, int]], batch: int) -> None:
    answers, labels = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    present = sorted(set(labels))
    expected = f1_score(labels, answers, labels=present, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    assert score("macro_f1", answers, labels, batch) == pytest.approx(expected, abs=1e-6)


@given(PAIRS, st.integers(1, 7))
def test_accuracy_is_the_share_of_right_answers(pairs: list[tuple[int, int]], batch: int) -> None:
    answers, labels = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert score("accuracy", answers, labels, batch) == pytest.approx(accuracy_score(labels, answers), abs=1e-6)


def test_a_class_only_answered_never_asked_takes_no_part() -> None:
    assert score("macro_f1", [0, 0, 1, 4], [0, 0, 1, 1], batch=4) == pytest.approx((1 + 2 / 3) / 2)

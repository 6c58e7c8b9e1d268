"""The gate is passed by whoever trained the same recipes to the same score."""

import math
from collections.abc import Sequence

from benchmarks.contestants.task import Answer, Trained
from benchmarks.gate import gate, noise


def answers(*scores: float, epochs: int = 4, lrs: Sequence[float] = (0.001, 0.002)) -> list[Answer]:
    return [Answer(tuple(Trained(lr, epochs, score) for lr, score in zip(lrs, scores, strict=True)))]


def test_scores_equal_within_the_gate_pass() -> None:
    verdict = gate({"theirs": answers(0.95, 0.97), "ours": answers(0.94, 0.97)}, "ours", allowed=0.01)
    assert verdict.passed
    assert "passed; theirs: ours -0.50 points" in verdict.words


def test_a_score_that_is_too_low_fails_and_says_by_how_much() -> None:
    verdict = gate({"theirs": answers(0.95, 0.97), "ours": answers(0.90, 0.97)}, "ours", allowed=0.01)
    assert not verdict.passed
    assert "FAILED; theirs: ours -2.50 points" in verdict.words


def test_a_higher_score_of_ours_passes() -> None:
    assert gate({"theirs": answers(0.5, 0.5), "ours": answers(0.9, 0.9)}, "ours").passed


def test_another_list_of_recipes_fails_whatever_the_scores() -> None:
    fewer_epochs = answers(0.9, 0.9, epochs=3)
    assert not gate({"theirs": answers(0.5, 0.5), "ours": fewer_epochs}, "ours").passed
    assert not gate({"theirs": answers(0.5, 0.5), "ours": answers(0.9, 0.9, lrs=(0.001, 0.004))}, "ours").passed


def test_recipes_are_compared_whatever_their_order() -> None:
    assert gate({"theirs": answers(0.9, 0.8), "ours": answers(0.8, 0.9, lrs=(0.002, 0.001))}, "ours").passed


def test_noise_is_of_pairs_of_one_learning_rate() -> None:
    assert noise(answers(0.5, 0.9), answers(0.4, 0.8)) < 1e-9, "both differ by a tenth: no noise at all"
    assert math.isnan(noise(answers(0.5, lrs=[0.001]), answers(0.4, lrs=[0.001])))

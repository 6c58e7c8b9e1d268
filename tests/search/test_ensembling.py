"""What an ensemble is worth is told honestly: simulated models, of which more is known than of any real ones."""

from dataclasses import dataclass

import numpy as np
import pytest

from search import crossfit, ensembling
from search.ensembling import Question, Rule
from search.pool import Contender, Pool
from search.scoring import Scorer

CLASSES, IMAGES, TESTED, MODELS = 4, 150, 450, 8


@dataclass
class World:
    question: Question
    test: np.ndarray  # [1, models, m, classes]
    labels: np.ndarray


def answered(labels: np.ndarray, luck: np.random.Generator, models: int, apart: float) -> np.ndarray:
    """[models, n, classes]: images are hard for all models alike, and each has mistakes and a skill of its own."""
    right = np.arange(CLASSES) == labels[:, None]
    hard = luck.normal(size=(len(labels), CLASSES))
    own = luck.normal(size=(models, len(labels), CLASSES))
    skill = 1.2 + apart * luck.normal(size=(models, 1, 1))
    logits = skill * right + 0.8 * hard + 0.8 * own
    whole = np.exp(logits)
    return whole / whole.sum(axis=-1, keepdims=True)


def world(seed: int, apart: float = 0.1, metric: str = "accuracy") -> World:
    luck = np.random.default_rng(seed)
    labels = luck.integers(CLASSES, size=IMAGES + TESTED)
    whole = answered(labels, luck, MODELS, apart)
    groups = np.arange(IMAGES) // 3
    rows = np.arange(IMAGES)
    found = tuple(Contender(f"m{n}", (), rows, each[:IMAGES], None) for n, each in enumerate(whole))
    pool = Pool(None, tuple("abcd"), labels[:IMAGES], found)
    question = Question((pool,), labels[:IMAGES], CLASSES, groups, metric)
    return World(question, whole[None, :, IMAGES:], labels[IMAGES:])


@pytest.mark.parametrize("by", ["soft", "greedy"])
def test_the_estimate_agrees_with_the_test_over_twenty_repetitions_and_the_naive_one_flatters(
    by: ensembling.ChosenBy,
) -> None:
    honest, flattery, gains = [], [], []
    rule = Rule(by, None if by == "greedy" else 3)
    for seed in range(20):
        here = world(seed)
        told = ensembling.estimate(here.question, rule, times=1, draws=1)
        test, together = ensembling.on_test(here.question, rule, [here.test], here.labels, None, draws=1)
        assert together is None, "there is one fold"
        honest.append(told.second - test.second)
        flattery.append(ensembling.naive(here.question, rule) - told.second)
        gains.append(test.gain)
    assert abs(np.mean(honest)) < 2 * error(honest), "no optimism"
    assert np.mean(flattery) > 2 * error(flattery), "which there is where the images that choose also score"
    assert np.mean(gains) > 0, "better than its best member on the test part, on average"


def error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def test_members_that_all_answer_the_same_gain_nothing_and_are_said_so() -> None:
    here = world(0)
    (pool,) = here.question.pools
    one = pool.contenders[0]
    same = Pool(None, pool.classes, pool.labels, tuple(one for _ in range(4)))
    question = Question((same,), here.question.labels, CLASSES, here.question.groups, "accuracy")
    told = ensembling.estimate(question, Rule("greedy"), draws=20)
    assert (told.gain, told.low, told.high) == (0, 0, 0)


def test_an_image_is_never_scored_by_what_was_chosen_with_its_group() -> None:
    question = world(1).question
    assert question.groups is not None
    seen: list[np.ndarray] = []

    def choose(rows: np.ndarray) -> list[crossfit.Chosen]:
        seen.append(rows)

        def told(at: np.ndarray) -> np.ndarray:
            assert not set(question.groups[at]) & set(question.groups[rows])  # type: ignore[index]
            return at

        return [told]

    (back,) = crossfit.cross_fitted(crossfit.cuts(question.labels, question.groups), choose)
    assert (back == np.arange(IMAGES)).all()
    assert len(seen) == crossfit.PARTS * crossfit.TIMES


def test_equal_evidence_gives_an_equal_estimate() -> None:
    one, two = (ensembling.estimate(world(3).question, Rule("greedy"), times=1, draws=20) for _ in range(2))
    assert one == two


def test_parts_of_a_label_are_answered_together_by_their_product() -> None:
    luck = np.random.default_rng(5)
    first, second = luck.dirichlet(np.ones(3), size=(1, 40)), luck.dirichlet(np.ones(2), size=(1, 40))
    joint = ensembling.answers("soft", [first, second], (np.ones(1), np.ones(1)))
    assert joint.shape == (40, 6)
    assert np.allclose(joint.sum(axis=1), 1)
    assert (joint.argmax(axis=1) == first[0].argmax(axis=1) * 2 + second[0].argmax(axis=1)).all()
    voted = ensembling.answers("hard", [first, second], (np.ones(1), np.ones(1)))
    assert (voted.argmax(axis=1) == joint.argmax(axis=1)).all()


@pytest.mark.parametrize("metric", ["macro_f1", "cohen_kappa", "auroc"])
def test_stored_answers_score_as_the_trainer_scores_them(metric: str) -> None:
    import torch

    from trainer.evaluation import score_of

    here = world(7)
    told = here.question.pools[0].answers[0]
    scorer = Scorer(metric, CLASSES)
    wanted = score_of(metric, torch.from_numpy(np.log(told)), torch.from_numpy(here.question.labels))
    assert scorer.of(scorer.answered(told), here.question.labels) == pytest.approx(wanted, abs=1e-6)
    twice = scorer.of(scorer.answered(told), here.question.labels, np.full(IMAGES, 2))
    assert twice == pytest.approx(wanted, abs=1e-6)

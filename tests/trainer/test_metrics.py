import warnings
from collections.abc import Callable

import pytest
import torch
import torchmetrics.functional.classification as reference
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor

from trainer.measures import measures
from trainer.metrics import MetricError, check_metric, direction, shown_metric
from trainer.score import Score

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)
LOWER = ["calibration_error", "eer", "hamming_distance"]


def score(metric: str, answers: list[int], labels: list[int], batch: int) -> float:
    truth = torch.tensor(labels)
    found = Score(metric, 5, truth)
    logits = torch.eye(5)[torch.tensor(answers)]
    for part, expected in zip(logits.split(batch), truth.split(batch), strict=True):
        found.add(part, expected)
    return found.value().item()


def scored(metric: str, logits: Tensor, labels: Tensor) -> float:
    found = Score(metric, logits.shape[1], labels)
    for part, truth in zip(logits.split(32), labels.split(32), strict=True):
        found.add(part, truth)
    return found.value().item()


def random_answers(seed: int, present: int = 5) -> tuple[Tensor, Tensor]:
    """Logits [200, 5], somewhat right, and labels of which only the first `present` occur."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, present, (200,), generator=draw)
    return torch.randn(200, 5, generator=draw) + torch.eye(5)[labels], labels


@given(PAIRS, st.integers(1, 7))
def test_macro_f1_averages_over_exactly_the_classes_present(pairs: list[tuple[int, int]], batch: int) -> None:
    answers, labels = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    present = sorted(set(labels))
    expected = sk.f1_score(labels, answers, labels=present, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    assert score("macro_f1", answers, labels, batch) == pytest.approx(expected, abs=1e-6)


@given(PAIRS, st.integers(1, 7))
def test_accuracy_is_the_share_of_right_answers(pairs: list[tuple[int, int]], batch: int) -> None:
    answers, labels = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert score("accuracy", answers, labels, batch) == pytest.approx(sk.accuracy_score(labels, answers), abs=1e-6)


def test_a_class_only_answered_never_asked_takes_no_part() -> None:
    assert score("macro_f1", [0, 0, 1, 4], [0, 0, 1, 1], batch=4) == pytest.approx((1 + 2 / 3) / 2)


def known() -> list[str]:
    with pytest.raises(MetricError) as error:
        check_metric("")
    return str(error.value).partition("there is ")[2].split(", ")


def test_the_metrics_that_can_be_scores_are_those_of_this_list() -> None:
    wanted = "accuracy auroc average_precision calibration_error cohen_kappa eer exact_match f1_score hamming_distance"
    wanted += " jaccard_index log_auc macro_f1 matthews_corr_coef negative_predictive_value precision recall"
    assert known() == [*wanted.split(), "specificity"]


def of_torchmetrics(metric: str) -> Callable[[Tensor, Tensor], Tensor]:
    spelt = {"log_auc": "logauc", "matthews_corr_coef": "matthews_corrcoef"}.get(metric, metric)
    found = getattr(reference, f"multiclass_{spelt}")
    settings = {"average": "macro"} if metric in ("eer", "log_auc") else {}
    return lambda probabilities, labels: found(probabilities, labels, num_classes=5, **settings)


@pytest.mark.parametrize("present", [5, 4], ids=["all classes", "one class missing"])
@pytest.mark.parametrize("metric", [name for name in known() if name not in ("macro_f1", "accuracy", "exact_match")])
@pytest.mark.filterwarnings("ignore::UserWarning:torchmetrics")
def test_a_metric_of_torchmetrics_is_its_own_value_of_probabilities(metric: str, present: int) -> None:
    logits, labels = random_answers(0, present)
    for size in (1, 0.05):
        value = of_torchmetrics(metric)((size * logits).softmax(dim=1), labels).item()
        wanted = 1 - value if metric in LOWER else value
        # the smaller ones all lie between 0 and 1, as probabilities do
        assert scored(metric, size * logits + 0.5, labels) == pytest.approx(wanted, abs=1e-6)


def specificity(labels: Tensor, answers: Tensor) -> float:
    each = [sk.recall_score(labels != c, answers != c) for c in range(5)]
    return sum(map(float, each)) / 5


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("cohen_kappa", lambda labels, logits: sk.cohen_kappa_score(labels, logits.argmax(1))),
        ("matthews_corr_coef", lambda labels, logits: sk.matthews_corrcoef(labels, logits.argmax(1))),
        ("recall", lambda labels, logits: sk.balanced_accuracy_score(labels, logits.argmax(1))),
        ("precision", lambda labels, logits: sk.precision_score(labels, logits.argmax(1), average="macro")),
        ("jaccard_index", lambda labels, logits: sk.jaccard_score(labels, logits.argmax(1), average="macro")),
        ("specificity", lambda labels, logits: specificity(labels, logits.argmax(1))),
        ("exact_match", lambda labels, logits: sk.accuracy_score(labels, logits.argmax(1))),
        (
            "auroc",
            lambda labels, logits: sk.roc_auc_score(labels, logits.double().softmax(1), multi_class="ovr"),
        ),
        (
            "average_precision",
            lambda labels, logits: sk.average_precision_score(torch.eye(5)[labels], logits.softmax(1)),
        ),
        ("hamming_distance", lambda labels, logits: sk.balanced_accuracy_score(labels, logits.argmax(1))),
    ],
)
def test_a_score_is_what_scikit_learn_says(metric: str, wanted: Callable[[Tensor, Tensor], float]) -> None:
    logits, labels = random_answers(1)
    assert scored(metric, logits, labels) == pytest.approx(wanted(labels, logits), abs=1e-5)


@pytest.mark.parametrize("present", [5, 4], ids=["all classes", "one class missing"])
@pytest.mark.parametrize("metric", known())
def test_better_answers_score_higher_whatever_the_metric(metric: str, present: int) -> None:
    for seed in range(5):
        logits, labels = random_answers(seed, present)
        perfect = 30 * torch.eye(5)[labels]
        scores = [scored(metric, answers, labels) for answers in (perfect, logits, -perfect)]
        assert scores == sorted(scores, reverse=True) and scores[0] > scores[2]
        assert present < 5 or scores[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("metric", known())
def test_a_score_is_one_silent_number_also_of_poor_answers(metric: str) -> None:
    labels = torch.tensor([0, 0, 1, 1, 3])
    always_the_same = torch.zeros(5, 5)
    always_the_same[:, 2] = 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = Score(metric, 5, labels)
        value.add(always_the_same, labels)
        found = value.value()
    assert found.shape == () and found.isfinite()


@pytest.mark.parametrize("metric", known())
def test_a_score_starts_anew_after_its_value(metric: str) -> None:
    logits, labels = random_answers(2)
    found = Score(metric, 5, labels)
    found.add(-logits, labels)
    found.value()
    found.add(logits, labels)
    assert found.value().item() == pytest.approx(scored(metric, logits, labels), abs=1e-6)


@pytest.mark.parametrize("metric", known())
def test_the_direction_of_a_metric_is_shown(metric: str) -> None:
    lower = metric in LOWER
    assert direction(metric) == ("lower" if lower else "higher")
    assert shown_metric(metric) == (f"1 - {metric}" if lower else metric)


@pytest.mark.parametrize(
    ("given", "hint"),
    [("matthews_corrcoef", "did you mean matthews_corr_coef"), ("macro-f1", "macro_f1"), ("stat_scores", "there is")],
)
def test_an_unknown_metric_is_refused_in_one_line(given: str, hint: str) -> None:
    with pytest.raises(MetricError, match=hint) as error:
        check_metric(given)
    assert f"no metric '{given}'" in str(error.value) and "\n" not in str(error.value)
    for ask in (direction, shown_metric, lambda name: Score(name, 3, torch.tensor([0]))):
        with pytest.raises(MetricError):
            ask(given)


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy"])
def test_what_is_said_of_the_usual_metrics_without_torchmetrics_holds(metric: str) -> None:
    assert check_metric(metric) == shown_metric(metric) == metric
    assert direction(metric) == "higher" and measures()[metric].higher_is_better
    assert measures()[metric].upper == 1

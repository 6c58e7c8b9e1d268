"""The held-out test part after its opening: what every confirmed run answered, and what that says."""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from search.records import Gain, TestReport, as_json
from search.study import Study

if TYPE_CHECKING:
    from trainer.data import Dataset

DRAWS = 2000
FROM_CLASSES = ("macro_f1", "accuracy")  # metrics that need no more than which class was answered
Ints = NDArray[np.int64]


class Stored(BaseModel):
    """Class numbers of the test images in the order of their rows, base64 of little-endian 16-bit numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    numbers: str

    @classmethod
    def of(cls, numbers: Ints) -> "Stored":
        return cls(numbers=base64.b64encode(numbers.astype("<u2").tobytes()).decode("ascii"))

    def read(self) -> Ints:
        return np.frombuffer(base64.b64decode(self.numbers), dtype="<u2").astype(np.int64)


class Truth(BaseModel):
    """The labels of the test part, which images belong together, and how many of each class there are to learn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    labels: Stored
    groups: tuple[int, ...] | None
    development: tuple[int, ...]


def keep(study: Study, trial_id: int, worker: str, predicted: Ints, labels: Ints, data: "Dataset") -> None:
    """Record what a run answered on the opened test part; the same for every attempt at it."""
    groups = None if data.test.groups is None else tuple(int(group) for group in data.test.groups)
    counts = np.bincount(data.labels.cpu().numpy()[data.development], minlength=len(data.class_names))
    truth = Truth(labels=Stored.of(labels), groups=groups, development=tuple(int(count) for count in counts))
    study.store.measure_once(study.study_id, "test/truth", as_json(truth), worker)
    study.store.measure_once(study.study_id, f"test/{trial_id}", as_json(Stored.of(predicted)), worker)


class Answers:
    """All that was recorded, by trial. `None` of it where the study is of an earlier release."""

    def __init__(self, truth: Truth, by_trial: Mapping[int, Ints], classes: Sequence[str]) -> None:
        self.labels, self.by_trial, self.classes = truth.labels.read(), dict(by_trial), tuple(classes)
        groups = np.arange(len(self.labels)) if truth.groups is None else np.asarray(truth.groups)
        self._group = np.unique(groups, return_inverse=True)[1]
        self.grouped, self.development = truth.groups is not None, np.asarray(truth.development)

    @classmethod
    def read(cls, study: Study, trials: Sequence[int]) -> "Answers | None":
        """What was recorded for these trials; None unless all of them are."""
        truth = study.store.measurement(study.study_id, "test/truth")
        found = {trial: study.store.measurement(study.study_id, f"test/{trial}") for trial in trials}
        if truth is None or any(each is None for each in found.values()):
            return None
        read: dict[int, Ints] = {trial: Stored.model_validate(each).read() for trial, each in found.items()}
        return cls(Truth.model_validate(truth), read, study.resolved.data.classes)

    def confusion(self, trial: int, weights: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """[truth][answer] of one run, images counted by `weights`."""
        count = len(self.classes)
        flat = np.bincount(self.labels * count + self.by_trial[trial], weights=weights, minlength=count * count)
        return flat.reshape(count, count).astype(np.float64)

    def resampled(self, draw: np.random.Generator) -> NDArray[np.int64]:
        """[images] how often each is taken when as many groups are drawn, with replacement, as there are."""
        groups = int(self._group.max()) + 1
        return np.bincount(draw.integers(groups, size=groups), minlength=groups)[self._group]


def score(metric: str, confusion: NDArray[np.float64]) -> float:
    """`macro_f1` over the classes that are there, or `accuracy`."""
    if metric == "accuracy":
        return float(np.trace(confusion) / max(confusion.sum(), 1.0))
    return float(f1_by_class(confusion)[confusion.sum(axis=1) > 0].mean())


def f1_by_class(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """[classes]; 0 for a class that is neither there nor answered."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return np.divide(2 * np.diag(confusion), both, out=np.zeros(len(confusion)), where=both > 0)


def crossed_gain(
    answers: Answers, metric: str, final: Sequence[int], baseline: Sequence[int], draws: int = DRAWS
) -> Gain:
    """Mean test gain over paired runs, with the 2.5 and 97.5 percentiles of a crossed bootstrap.

    Groups of test images (single ones where none are declared) and replicates are both drawn anew, so that the interval
    holds for other images and other seeds, not for these alone (Owen 2007, the pigeonhole bootstrap).
    """
    draw = np.random.default_rng(0)

    def gains(weights: NDArray[Any] | None) -> NDArray[np.float64]:
        pairs = zip(final, baseline, strict=True)
        one = [[score(metric, answers.confusion(trial, weights)) for trial in pair] for pair in pairs]
        return np.asarray([mine - theirs for mine, theirs in one])

    found = [gains(answers.resampled(draw))[draw.integers(len(final), size=len(final))].mean() for _ in range(draws)]
    low, high = np.quantile(found, (0.025, 0.975))
    return Gain(mean=float(gains(None).mean()), low=float(low), high=float(high))


def report(answers: Answers, metric: str, trials: Sequence[int], validation: float, noise: float) -> TestReport:
    """Of the runs `trials` of one recipe, whose mean validation score is `validation`."""
    draw = np.random.default_rng(0)
    whole = sum((answers.confusion(trial) for trial in trials), np.zeros((len(answers.classes),) * 2))
    test = float(np.mean([score(metric, answers.confusion(trial)) for trial in trials]))
    again = []
    for _ in range(DRAWS // 4):
        weights = answers.resampled(draw)
        again.append(np.mean([score(metric, answers.confusion(trial, weights)) for trial in trials]))
    error = float(np.std(again))
    gap = validation - test
    warned = gap > max(2 * error, noise)
    there = whole.sum(axis=1) > 0
    named = zip(answers.classes, f1_by_class(whole), there, strict=True)
    per_class = {name: round(float(value), 4) for name, value, asked in named if asked}
    return TestReport(
        per_class=per_class,
        confusion=tuple(tuple(int(cell) for cell in row) for row in whole),
        validation=validation,
        test=test,
        standard_error=error,
        warning=_warning(validation, test, error) if warned else None,
        hints=tuple(_hints(answers)) if warned else (),
    )


def _warning(validation: float, test: float, error: float) -> str:
    apart = validation - test
    return (
        f"validation says {validation:.4f}, the test part {test:.4f}: {100 * apart:.1f} points less, "
        f"{apart / max(error, 1e-9):.1f} standard errors; what was chosen on validation may not hold elsewhere"
    )


def _hints(answers: Answers) -> list[str]:
    """What is most often behind a gap."""
    found = []
    if not answers.grouped:
        found.append(
            "no groups are declared: if one person, object or writer has several images, they stand on both sides of a "
            "split; declare them with --group (python -m search.split --measure shows what that is worth)"
        )
    here = answers.development / max(answers.development.sum(), 1)
    there = np.bincount(answers.labels, minlength=len(answers.classes)) / max(len(answers.labels), 1)
    apart = np.abs(here - there)
    if apart.sum() / 2 > 0.1:
        worst = int(apart.argmax())
        found.append(
            f"the classes are mixed otherwise: {answers.classes[worst]} is {100 * here[worst]:.0f} % of the images to "
            f"learn from and {100 * there[worst]:.0f} % of the test part"
        )
    return found or [
        "groups are declared and classes mixed alike: the test part may come from elsewhere (camera, site, time)"
    ]

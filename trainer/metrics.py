"""The score: accumulated over all validation images on their device; higher is better, always; 1 is perfect."""

import inspect
import re
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Literal

import torch
import torchmetrics.classification
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
    MulticlassPrecisionRecallCurve,
)

# Where torchmetrics leaves open which way is better.
_HIGHER_IS_BETTER = {"specificity": True, "negative_predictive_value": True, "eer": False}
_OF_PROBABILITIES = (MulticlassPrecisionRecallCurve, MulticlassCalibrationError)


class MetricError(ValueError):
    """A metric that cannot be a score: one line saying what was given and what is allowed."""


@dataclass(frozen=True)
class _Measure:
    kind: type[Metric]
    higher_is_better: bool
    upper: float
    settings: dict[str, str]


class Score:
    """`accuracy`: the share of right answers. `macro_f1`: F1 of each class, averaged over the classes `labels` holds.

    Any other name is a class of torchmetrics with its own defaults, averaged over the classes where it can be: its
    macro average may count a class that is never asked (as 0 in `auroc` and `average_precision`) or only ever answered
    (`f1_score`); our macro_f1 does not. A metric whose lower values are better counts as its upper bound minus the
    value. `cohen_kappa` and `matthews_corr_coef` fall below 0 where guessing does better.
    """

    def __init__(self, metric: str, classes: int, labels: Tensor) -> None:
        """`labels` [N] are all those that will be added. MetricError for an unknown name."""
        self._measure = _measures()[check_metric(metric)]
        # validate_args looks at the values, a wait for the device at every batch
        arguments = {"num_classes": classes, "validate_args": False, **self._measure.settings}
        self._metric = self._measure.kind(**arguments).to(labels.device)
        self._of_probabilities = issubclass(self._measure.kind, _OF_PROBABILITIES)
        self._present = labels.bincount(minlength=classes) > 0 if metric == "macro_f1" else None

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Logits [B, classes], labels [B]."""
        # torchmetrics guesses from the values whether they are logits or probabilities
        self._metric.update(logits.float().softmax(dim=1) if self._of_probabilities else logits, labels)

    def value(self) -> Tensor:
        """A scalar on the device, over all that was added; starts anew afterwards."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes without images, at every epoch
            result: Tensor = self._metric.compute()
        self._metric.reset()
        if self._present is not None:
            result = torch.where(self._present, result, 0).sum() / self._present.sum()
        return result if self._measure.higher_is_better else self._measure.upper - result


def check_metric(name: str) -> str:
    """`name`, if it can be a score; MetricError in one line if not."""
    known = sorted(_measures())
    if name in known:
        return name
    close = get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(close)}? Else " if close else ""
    raise MetricError(f"no metric {name!r}: {hint}there is {', '.join(known)}")


def direction(name: str) -> Literal["higher", "lower"]:
    """Which values of the metric itself are better; of the score it is always the higher."""
    return "higher" if _measures()[check_metric(name)].higher_is_better else "lower"


def shown_metric(name: str) -> str:
    """What the score is: `cohen_kappa`, `1 - calibration_error`."""
    measure = _measures()[check_metric(name)]
    return name if measure.higher_is_better else f"{measure.upper:g} - {name}"


@cache
def _measures() -> dict[str, _Measure]:
    """Every multiclass metric of the installed torchmetrics that is one bounded number and needs no further setting.

    Not the hinge loss: torchmetrics draws it up to 1, but it has no bound.
    """
    found: dict[str, _Measure] = {}
    for title, kind in vars(torchmetrics.classification).items():
        if not title.startswith("Multiclass"):
            continue
        name = _snake_case(title.removeprefix("Multiclass"))
        higher_is_better = _HIGHER_IS_BETTER.get(name, kind.higher_is_better)
        parameters = inspect.signature(kind).parameters
        needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty}
        if (
            name == "hinge_loss"
            or higher_is_better is None
            or kind.plot_upper_bound is None
            or needed - {"num_classes", "kwargs"}
        ):
            continue
        settings = {"average": "macro"} if "average" in parameters else {}
        found[name] = _Measure(kind, higher_is_better, kind.plot_upper_bound, settings)
    found["accuracy"] = _Measure(MulticlassAccuracy, True, 1.0, {"average": "micro"})
    found["macro_f1"] = _Measure(MulticlassF1Score, True, 1.0, {"average": "none"})
    return found


def _snake_case(title: str) -> str:
    """CohenKappa -> cohen_kappa, LogAUC -> log_auc, F1Score -> f1_score."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", title).lower()

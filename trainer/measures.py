"""Every metric of torchmetrics that can be a score.

Loading torchmetrics takes most of a second: `trainer.metrics` names the two usual ones without it.
"""

import inspect
import re
from dataclasses import dataclass
from functools import cache

import torchmetrics.classification
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
    MulticlassPrecisionRecallCurve,
)

# Where torchmetrics leaves open which way is better.
_HIGHER_IS_BETTER = {"specificity": True, "negative_predictive_value": True, "eer": False}
OF_PROBABILITIES = (MulticlassPrecisionRecallCurve, MulticlassCalibrationError)


@dataclass(frozen=True)
class Measure:
    kind: type[Metric]
    higher_is_better: bool
    upper: float
    settings: dict[str, str]


@cache
def measures() -> dict[str, Measure]:
    """Every multiclass metric of the installed torchmetrics that is one bounded number and needs no further setting.

    Not the hinge loss: torchmetrics draws it up to 1, but it has no bound.
    """
    found: dict[str, Measure] = {}
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
        found[name] = Measure(kind, higher_is_better, kind.plot_upper_bound, settings)
    found["accuracy"] = Measure(MulticlassAccuracy, True, 1.0, {"average": "micro"})
    found["macro_f1"] = Measure(MulticlassF1Score, True, 1.0, {"average": "none"})
    return found


def _snake_case(title: str) -> str:
    """CohenKappa -> cohen_kappa, LogAUC -> log_auc, F1Score -> f1_score."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", title).lower()

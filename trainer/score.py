"""The score: accumulated over all validation images on their device; higher is better, always; 1 is perfect."""

import warnings

import torch
from torch import Tensor

from trainer.measures import OF_PROBABILITIES, measures
from trainer.metrics import check_metric


class Score:
    """`accuracy`: the share of right answers. `macro_f1`: F1 of each class, averaged over the classes `labels` holds.

    Any other name is a class of torchmetrics with its own defaults, averaged over the classes where it can be: its
    macro average may count a class that is never asked (as 0 in `auroc` and `average_precision`) or only ever answered
    (`f1_score`); our macro_f1 does not. A metric whose lower values are better counts as its upper bound minus the
    value. `cohen_kappa` and `matthews_corr_coef` fall below 0 where guessing does better.
    """

    def __init__(self, metric: str, classes: int, labels: Tensor) -> None:
        """`labels` [N] are all those that will be added. MetricError for an unknown name."""
        self._measure = measures()[check_metric(metric)]
        # validate_args looks at the values, a wait for the device at every batch
        arguments = {"num_classes": classes, "validate_args": False, **self._measure.settings}
        self._metric = self._measure.kind(**arguments).to(labels.device)
        self._of_probabilities = issubclass(self._measure.kind, OF_PROBABILITIES)
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

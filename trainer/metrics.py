"""The score: accumulated over all validation images on their device, from 0 to 1, higher is better."""

from typing import Literal

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

Metric = Literal["macro_f1", "accuracy"]


class Score:
    """`accuracy`: the share of right answers. `macro_f1`: F1 of each class, averaged over the classes `labels` holds.

    torchmetrics' own macro average also counts a class that is only ever answered, never asked: here it does not.
    """

    def __init__(self, metric: Metric, classes: int, labels: Tensor) -> None:
        one_by_one = metric == "macro_f1"
        kind = MulticlassF1Score if one_by_one else MulticlassAccuracy
        average = "none" if one_by_one else "micro"
        # validate_args looks at the values, a wait for the device at every batch
        self._metric = kind(num_classes=classes, average=average, validate_args=False).to(labels.device)
        self._present = labels.bincount(minlength=classes) > 0 if one_by_one else None

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Logits [B, classes], labels [B]."""
        self._metric.update(logits, labels)

    def value(self) -> Tensor:
        """A scalar on the device, over all that was added; starts anew afterwards."""
        result: Tensor = self._metric.compute()
        self._metric.reset()
        return result if self._present is None else torch.where(self._present, result, 0).sum() / self._present.sum()

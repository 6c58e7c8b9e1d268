"""The study's score of stored answers, with images counted as often as one likes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.held_out import FROM_CLASSES, score

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scorer:
    metric: str
    classes: int

    @property
    def from_classes(self) -> bool:
        """Whether it needs no more than which class was answered."""
        return self.metric in FROM_CLASSES

    def answered(self, answers: NDArray[np.float64]) -> NDArray:
        """What it looks at of answers [..., n, classes]: the classes [..., n], or all of it."""
        return answers.argmax(axis=-1) if self.from_classes else answers

    def of(self, answered: NDArray, labels: Ints, counts: Ints | None = None) -> float:
        """The score of what `answered` gave, image i counted `counts[i]` times (None: once each)."""
        if self.from_classes:
            flat = np.bincount(labels * self.classes + answered, weights=counts, minlength=self.classes**2)
            return score(self.metric, flat.reshape(self.classes, self.classes).astype(np.float64))
        import torch

        from trainer.evaluation import score_of

        taken = np.arange(len(labels)) if counts is None else np.arange(len(labels)).repeat(counts)
        logits = np.log(np.maximum(answered[taken], 1e-12))
        return score_of(self.metric, torch.from_numpy(logits), torch.from_numpy(labels[taken]))

"""A model looked at, not trained: logits of stored images, and the score."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.execution import autocast
from trainer.normalise import Normalise
from trainer.recipe import Recipe
from trainer.score import Score
from trainer.streaming import Images, Streamed

READY_BYTES = 256 * 2**20  # of normalised images that are kept from look to look
ON_CPU, ON_GPU = 128, 1024  # images at a time; more leave the caches of a CPU


class Exam:
    """The images of `index`, to be looked at epoch after epoch: normalised once where that is small."""

    def __init__(self, images: Images, index: Tensor, normalise: Normalise) -> None:
        self._images, self._normalise = images, normalise
        self._size = ON_CPU if images.device.type == "cpu" else ON_GPU
        # Rows on the host for images that are there: fetching them would make it wait for the device.
        self._index = index.cpu() if isinstance(images, Streamed) else index
        self._ready: list[Tensor] = []

    def batches(self) -> Iterator[Tensor]:
        """float32 [B, C, H, W] on the device, in order."""
        if self._ready:
            yield from self._ready
            return
        pixels = self._images.shape[1:].numel() * len(self._index)
        kept = [] if pixels * 4 <= READY_BYTES else None
        for part in self._index.split(self._size):
            batch = self._normalise.bytes(self._images[part])
            if kept is not None:
                kept.append(batch)
            yield batch
        self._ready = kept or []


@torch.inference_mode()
def logits_of(model: nn.Module, exam: Exam, memory_format: torch.memory_format, recipe: Recipe) -> Tensor:
    """[n, classes], fp32, on the device; `model` in eval mode."""
    with autocast(next(model.parameters()).device, recipe.precision):
        return torch.cat([model(images.contiguous(memory_format=memory_format)).float() for images in exam.batches()])


@torch.inference_mode()
def score_of(metric: str, logits: Tensor, labels: Tensor) -> float:
    """The score of these answers, from 0 to 1."""
    score = Score(metric, logits.shape[1], labels)
    score.add(logits, labels)
    return score.value().item()


def judged(metric: str, logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """(score, cross entropy in nats) of these answers."""
    return score_of(metric, logits, labels), cross_entropy_of(logits, labels)


@torch.inference_mode()
def cross_entropy_of(logits: Tensor, labels: Tensor) -> float:
    """Mean over images, in nats."""
    return functional.cross_entropy(logits, labels).item()

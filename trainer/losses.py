"""One loss per image, [B] in nats, from logits and labels; for blended images the same blend of two losses."""

from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor
from torch.nn import functional

from trainer.augment import Batch
from trainer.recipe import ClassBalanced, CrossEntropy, Focal, LabelSmoothing, Loss

PerImage = Callable[[Tensor, Tensor], Tensor]  # (logits [B, classes] fp32, labels [B]) -> [B]


def per_image(loss: Loss, class_counts: Tensor) -> PerImage:
    """The loss `loss` names; `class_counts` [classes] are the training images of each class, on the run's device."""
    match loss:
        case CrossEntropy():
            return _cross_entropy
        case LabelSmoothing(smoothing=smoothing):
            return lambda logits, labels: functional.cross_entropy(
                logits, labels, reduction="none", label_smoothing=smoothing
            )
        case ClassBalanced(beta=beta):
            weight = balance(class_counts, beta)
            return lambda logits, labels: weight[labels] * _cross_entropy(logits, labels)
        case Focal(gamma=gamma):
            return lambda logits, labels: focal(logits, labels, gamma)
        case _:
            assert_never(loss)


def mean_loss(criterion: PerImage, logits: Tensor, batch: Batch) -> Tensor:
    """The mean over the batch, a scalar. An image of share s pays s times its own label's loss, 1 - s its partner's."""
    loss = criterion(logits.float(), batch.labels)
    if batch.blend is not None:
        partner_labels, share = batch.blend
        loss = share * loss + (1 - share) * criterion(logits.float(), partner_labels)
    return loss.mean()


def balance(class_counts: Tensor, beta: float) -> Tensor:
    """[classes]: (1 - beta) / (1 - beta ** n), the inverse effective number of images (Cui et al. 2019, equation 4).

    Scaled to a mean of 1 over the training images, not over the classes as there: the learning rate keeps its meaning.
    """
    counts = class_counts.double()
    inverse = (1 - beta) / (1 - beta ** counts.clamp(min=1))
    return (inverse * counts.sum() / (inverse * counts).sum()).float()


def focal(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """[B]: (1 - p) ** gamma * -log p, p that of the label (Lin et al. 2017, equation 4, without alpha)."""
    log_p = -_cross_entropy(logits, labels)
    # expm1 keeps 1 - p exact near p = 1; the clamp keeps the slope of a power below 1 finite there.
    missing = -torch.expm1(log_p)
    return missing.clamp(min=1e-6) ** gamma * -log_p


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")

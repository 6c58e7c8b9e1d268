"""Macro-F1 made smooth, so that what is scored can be what is trained."""

from torch import Tensor
from torch.nn import functional

from trainer.batch import Batch

_LEAST = 1e-7  # images; keeps 0 / 0 away from a class that is neither asked nor answered


def soft_macro_f1(logits: Tensor, batch: Batch) -> Tensor:
    """1 - mean over the classes of 2 * sum(p * t) / (sum(p) + sum(t)), sums over the batch: a scalar in 0..1.

    p are the probabilities [B, classes], t the targets, soft for blended images. A class weighs in the mean as many
    images as the batch holds of it, one at most: a class the batch lacks does not count, and one held only as a share
    of a blended image counts by that share.
    """
    answered, asked = logits.softmax(dim=1), soft_targets(batch, logits)
    images = asked.sum(dim=0)
    f1 = 2 * (answered * asked).sum(dim=0) / (answered.sum(dim=0) + images).clamp(min=_LEAST)
    weight = images.clamp(max=1)
    return 1 - (weight * f1).sum() / weight.sum()


def soft_targets(batch: Batch, logits: Tensor) -> Tensor:
    """[B, classes], each row adding up to 1, of the type of `logits`."""
    targets = functional.one_hot(batch.labels, logits.shape[1]).to(logits.dtype)
    if batch.blend is None:
        return targets
    partner_labels, share = batch.blend
    partners = functional.one_hot(partner_labels, logits.shape[1]).to(logits.dtype)
    return share[:, None] * targets + (1 - share[:, None]) * partners

"""Cross entropy with a margin: the label must win by more, the rarer its class."""

import torch
from torch import Tensor
from torch.nn import functional


def margins(class_counts: Tensor, max_margin: float) -> Tensor:
    """[classes] fp32: proportional to n ** -1/4, `max_margin` for the rarest class (Cao et al. 2019, equation 13).

    A class without training images has that margin too, and no say in the others'.
    """
    counts = class_counts.to("cpu", torch.float64)  # the same bits whatever the device
    rarest = counts[counts > 0].min()
    return (max_margin * (rarest / counts.clamp(min=rarest)) ** 0.25).float().to(class_counts.device)


def ldam(logits: Tensor, labels: Tensor, margin: Tensor, scale: float) -> Tensor:
    """[B]: cross entropy of scale * (logits, the label's less its margin); without the paper's re-weighting."""
    label = functional.one_hot(labels, logits.shape[1])
    return functional.cross_entropy(scale * (logits - margin * label), labels, reduction="none")

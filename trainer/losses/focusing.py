"""Cross entropy that looks harder at what is answered wrongly: [B] from logits [B, classes] and labels [B]."""

import torch
from torch import Tensor
from torch.nn import functional


def focal(logits: Tensor, labels: Tensor, gamma: float) -> Tensor:
    """(1 - p) ** gamma * -log p, p that of the label (Lin et al. 2017, equation 4, without alpha)."""
    surprise = functional.cross_entropy(logits, labels, reduction="none")
    # The clamp keeps the slope of a power below 1 finite near p = 1.
    return _missing(surprise).clamp(min=1e-6) ** gamma * surprise


def poly1(logits: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """-log p + epsilon * (1 - p), p that of the label (Leng et al. 2022, equation 6)."""
    surprise = functional.cross_entropy(logits, labels, reduction="none")
    return surprise + epsilon * _missing(surprise)


def asymmetric(
    logits: Tensor, labels: Tensor, gamma_positive: float, gamma_negative: float, smoothing: float
) -> Tensor:
    """-sum over the classes of t * w * log p: t the smoothed target, w = (1 - p) ** gamma_positive for the label and
    p ** gamma_negative for the others (Ridnik et al. 2021, its loss for one label per image).

    As timm's AsymmetricLossSingleLabel, whose slopes are NaN at p = 0 or 1 when a gamma lies between 0 and 1. Without
    smoothing only the label's term is left.
    """
    log_p = logits.log_softmax(dim=1)
    others = log_p.scatter(1, labels[:, None], -torch.inf).logsumexp(dim=1)  # log(1 - p of the label), exact near 0
    surprise = functional.nll_loss(log_p, labels, reduction="none")
    of_label = torch.exp(gamma_positive * others) * surprise
    of_others = -(torch.exp(gamma_negative * log_p) * log_p).scatter(1, labels[:, None], 0)
    share = smoothing / logits.shape[1]
    return (1 - smoothing + share) * of_label + share * of_others.sum(dim=1)


def _missing(surprise: Tensor) -> Tensor:
    """1 - p from -log p, exact near p = 1 too."""
    return -torch.expm1(-surprise)

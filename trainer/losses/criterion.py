"""What training minimises: from the recipe's loss to one number per batch."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias, assert_never

from torch import Tensor
from torch.nn import functional

from trainer.batch import Batch
from trainer.custom import Files
from trainer.loss_choices import (
    LDAM,
    Asymmetric,
    BinaryCrossEntropy,
    ClassBalanced,
    CrossEntropy,
    CustomLoss,
    Focal,
    InverseFrequency,
    LabelSmoothing,
    Loss,
    Poly1,
    SoftMacroF1,
)
from trainer.losses.custom import custom
from trainer.losses.focusing import asymmetric, focal, poly1
from trainer.losses.macro_f1 import soft_macro_f1
from trainer.losses.margin import ldam, margins
from trainer.losses.weighting import inverse_effective_number, inverse_frequency
from trainer.timm_import import BinaryCrossEntropy as TimmBinaryCrossEntropy

Criterion: TypeAlias = Callable[[Tensor, Batch], Tensor]  # (logits [B, classes], batch) -> scalar, differentiable
PerImage: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (logits [B, classes], labels [B]) -> [B]

_cross_entropy = partial(functional.cross_entropy, reduction="none")


def criterion(loss: Loss, class_counts: Tensor, files: Files, shown: Tensor | None = None) -> Criterion:
    """The loss of a batch, in fp32 whatever the logits are; it never waits for the device.

    `class_counts` int64 [classes] are the training images of each class, on the run's device; 0 is a class without.
    `shown` [classes] are the images of each class in an epoch, in any unit; None: as there are. `files` holds the
    user's own code: CustomError if it cannot be used.
    """
    match loss:
        case SoftMacroF1():
            return lambda logits, batch: soft_macro_f1(logits.float(), batch)
        case CustomLoss():
            return custom(loss, class_counts, files)
        case _:
            return partial(_mean, per_image(loss, class_counts, shown))


def per_image(loss: Loss, class_counts: Tensor, shown: Tensor | None = None) -> PerImage:
    """The losses that are a mean over images: [B], each of an image and its label alone."""
    shown = class_counts if shown is None else shown
    match loss:
        case CrossEntropy():
            return _cross_entropy
        case LabelSmoothing(smoothing=smoothing):
            return partial(_cross_entropy, label_smoothing=smoothing)
        case ClassBalanced(beta=beta):
            return partial(_weighted, inverse_effective_number(class_counts, shown, beta))
        case InverseFrequency(power=power):
            return partial(_weighted, inverse_frequency(class_counts, shown, power))
        case Focal(gamma=gamma):
            return partial(focal, gamma=gamma)
        case BinaryCrossEntropy(smoothing=smoothing):
            of_each_class = TimmBinaryCrossEntropy(smoothing, reduction="none")
            return lambda logits, labels: of_each_class(logits, labels).mean(dim=1)
        case Poly1(epsilon=epsilon):
            return partial(poly1, epsilon=epsilon)
        case Asymmetric(gamma_positive=positive, gamma_negative=negative, smoothing=smoothing):
            return partial(asymmetric, gamma_positive=positive, gamma_negative=negative, smoothing=smoothing)
        case LDAM(max_margin=max_margin, scale=scale):
            return partial(ldam, margin=margins(class_counts, max_margin), scale=scale)
        case SoftMacroF1() | CustomLoss():
            raise TypeError(f"{loss.kind} is a loss of batches")
        case _:
            assert_never(loss)


def by_class(loss: Loss) -> bool:
    """Whether it depends on how many images the classes have."""
    return isinstance(loss, (ClassBalanced, InverseFrequency, LDAM, CustomLoss))


def _weighted(weight: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    return weight[labels] * _cross_entropy(logits, labels)


def _mean(of_images: PerImage, logits: Tensor, batch: Batch) -> Tensor:
    """An image of share s pays s times its own label's loss, 1 - s its partner's."""
    logits = logits.float()
    loss = of_images(logits, batch.labels)
    if batch.blend is not None:
        partner_labels, share = batch.blend
        loss = share * loss + (1 - share) * of_images(logits, partner_labels)
    return loss.mean()

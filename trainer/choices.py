"""The losses, augmentations and optimizers a recipe can name: pure data, validated, each with a short unique label."""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SIGNIFICANT_DIGITS = 4


def rounded(value: float) -> float:
    """`value` to 4 significant digits: 0.001414213 is 0.001414, -0.0 is 0.0; NaN and infinity are refused."""
    if not math.isfinite(value):
        raise ValueError("a finite number is needed")
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0


def shown(value: object) -> str:
    """The display form of one value of a recipe: `2`, `0.001414`, `none`, `true`, text as it is."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.{SIGNIFICANT_DIGITS}g}"
        case _:
            return str(value)


# Rounding comes before the bounds, so that no value is rounded out of its range.
Real: TypeAlias = Annotated[float, AfterValidator(rounded)]
WeightDecay: TypeAlias = Annotated[Real, Field(ge=0, le=10)]


class Frozen(BaseModel):
    """Immutable, compared by value; an unknown field or a value out of range is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Choice(Frozen):
    """One arm of a sum type, told apart by its first field, `kind`."""

    @property
    def label(self) -> str:
        """Short text, unique per value: `focal(2)`; the plain kind when there is nothing to set."""
        kind, *settings = (shown(value) for _, value in self)
        return f"{kind}({', '.join(settings)})" if settings else kind


class CrossEntropy(Choice):
    kind: Literal["cross_entropy"] = "cross_entropy"


class LabelSmoothing(Choice):
    """Cross entropy towards (1 - smoothing) on the label plus smoothing spread evenly over all classes."""

    kind: Literal["label_smoothing"] = "label_smoothing"
    smoothing: Annotated[Real, Field(gt=0, lt=1)] = 0.1


class ClassBalanced(Choice):
    """Cross entropy weighted by the inverse effective number of images of a class (Cui et al. 2019)."""

    kind: Literal["class_balanced"] = "class_balanced"
    beta: Annotated[Real, Field(gt=0, le=0.9999)] = 0.999


class Focal(Choice):
    """Cross entropy times (1 - p of the label) ** gamma (Lin et al. 2017)."""

    kind: Literal["focal"] = "focal"
    gamma: Annotated[Real, Field(gt=0, le=10)] = 2.0


class NoAugment(Choice):
    kind: Literal["none"] = "none"


class Flip(Choice):
    """Mirrors left and right with probability p."""

    kind: Literal["flip"] = "flip"
    p: Annotated[Real, Field(gt=0, le=1)] = 0.5


class Shift(Choice):
    """Moves by whole pixels, up to `fraction` of the side along each axis; the border pixels are repeated."""

    kind: Literal["shift"] = "shift"
    fraction: Annotated[Real, Field(gt=0, le=0.5)] = 0.125


class Cutout(Choice):
    """Paints a square, its side `fraction` of the image's, in the mean colour anywhere (DeVries and Taylor 2017)."""

    kind: Literal["cutout"] = "cutout"
    fraction: Annotated[Real, Field(gt=0, le=1)] = 0.25


class Mixup(Choice):
    """Blends each image with a partner of its batch, the share drawn from Beta(alpha, alpha) (Zhang et al. 2018)."""

    kind: Literal["mixup"] = "mixup"
    alpha: Annotated[Real, Field(ge=0.05, le=10)] = 0.2


class AdamW(Choice):
    """Decay is decoupled, per step lr * weight_decay, and spares biases and normalisation weights."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: WeightDecay = 0.05
    beta1: Annotated[Real, Field(ge=0, le=0.9999)] = 0.9
    beta2: Annotated[Real, Field(ge=0, le=0.9999)] = 0.999


class SGD(Choice):
    """Decay is added to the gradient and spares biases and normalisation weights."""

    kind: Literal["sgd"] = "sgd"
    momentum: Annotated[Real, Field(ge=0, le=0.9999)] = 0.9
    weight_decay: WeightDecay = 5e-4
    nesterov: bool = True


Loss: TypeAlias = Annotated[CrossEntropy | LabelSmoothing | ClassBalanced | Focal, Field(discriminator="kind")]
Augment: TypeAlias = Annotated[NoAugment | Flip | Shift | Cutout | Mixup, Field(discriminator="kind")]
Optimizer: TypeAlias = Annotated[AdamW | SGD, Field(discriminator="kind")]

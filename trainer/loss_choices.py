"""The losses a recipe can name: pure data, validated. The arithmetic is in the package `losses`."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from trainer.choice import Choice, Custom, Real

Beta: TypeAlias = Annotated[Real, Field(gt=0, le=0.9999)]
Focusing: TypeAlias = Annotated[Real, Field(ge=0, le=10)]


class CrossEntropy(Choice):
    kind: Literal["cross_entropy"] = "cross_entropy"


class LabelSmoothing(Choice):
    """Cross entropy towards (1 - smoothing) on the label plus smoothing spread evenly over all classes."""

    kind: Literal["label_smoothing"] = "label_smoothing"
    smoothing: Annotated[Real, Field(gt=0, lt=1)] = 0.1


class ClassBalanced(Choice):
    """Cross entropy weighted by the inverse effective number of images of a class (Cui et al. 2019)."""

    kind: Literal["class_balanced"] = "class_balanced"
    beta: Beta = 0.999


class InverseFrequency(Choice):
    """Cross entropy weighted by 1 / n ** power, n the training images of the class; power 1 makes all classes equal."""

    kind: Literal["inverse_frequency"] = "inverse_frequency"
    power: Annotated[Real, Field(gt=0, le=1)] = 1.0


class Focal(Choice):
    """Cross entropy times (1 - p of the label) ** gamma (Lin et al. 2017)."""

    kind: Literal["focal"] = "focal"
    gamma: Annotated[Real, Field(gt=0, le=10)] = 2.0


class BinaryCrossEntropy(Choice):
    """Every class a yes-or-no question of its own (Wightman et al. 2021); mean over the classes."""

    kind: Literal["bce"] = "bce"
    smoothing: Annotated[Real, Field(ge=0, lt=1)] = 0.0


class SoftMacroF1(Choice):
    """1 - macro-F1 of the batch, counts replaced by sums of probabilities; classes the batch lacks do not count."""

    kind: Literal["soft_macro_f1"] = "soft_macro_f1"


class Poly1(Choice):
    """Cross entropy plus epsilon * (1 - p of the label) (Leng et al. 2022)."""

    kind: Literal["poly1"] = "poly1"
    epsilon: Annotated[Real, Field(gt=-1, le=10)] = 1.0


class Asymmetric(Choice):
    """Focusing of its own for the label and for the other classes, one label per image (Ridnik et al. 2021)."""

    kind: Literal["asymmetric"] = "asymmetric"
    gamma_positive: Focusing = 1.0
    gamma_negative: Focusing = 4.0
    smoothing: Annotated[Real, Field(ge=0, lt=1)] = 0.1


class LDAM(Choice):
    """Cross entropy with a margin in front of the label, larger for rare classes (Cao et al. 2019)."""

    kind: Literal["ldam"] = "ldam"
    max_margin: Annotated[Real, Field(gt=0, le=10)] = 0.5
    scale: Annotated[Real, Field(gt=0, le=100)] = 1.0  # 30 in the paper, whose head has no length of its own


class CustomLoss(Custom):
    """A loss of the user's own, called as `loss(logits [B, classes], labels [B])`."""

    kind: Literal["custom"] = "custom"


Loss: TypeAlias = Annotated[
    CrossEntropy
    | LabelSmoothing
    | ClassBalanced
    | InverseFrequency
    | Focal
    | BinaryCrossEntropy
    | SoftMacroF1
    | Poly1
    | Asymmetric
    | LDAM
    | CustomLoss,
    Field(discriminator="kind"),
]

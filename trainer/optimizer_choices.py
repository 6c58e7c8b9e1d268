"""The optimizers a recipe can name: pure data, validated."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from trainer.choice import Choice, Real

WeightDecay: TypeAlias = Annotated[Real, Field(ge=0, le=10)]


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


Optimizer: TypeAlias = Annotated[AdamW | SGD, Field(discriminator="kind")]

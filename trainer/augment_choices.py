"""The augmentations a recipe can name: pure data, validated. The arithmetic is in the package `augment`."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from trainer.choice import Choice, Custom, Probability, Real, shown

Strength: TypeAlias = Annotated[Real, Field(ge=0, le=1)]


class NoAugment(Choice):
    kind: Literal["none"] = "none"


class Flip(Choice):
    """Mirrors left and right with probability p."""

    kind: Literal["flip"] = "flip"
    p: Probability = 0.5


class Shift(Choice):
    """Moves by whole pixels, up to `fraction` of the side along each axis; the border pixels are repeated."""

    kind: Literal["shift"] = "shift"
    fraction: Annotated[Real, Field(gt=0, le=0.5)] = 0.125


class RandomResizedCrop(Choice):
    """A box of `scale`..1 of the area and a side ratio of 3/4..4/3 (drawn in log), resized to the image size."""

    kind: Literal["random_resized_crop"] = "random_resized_crop"
    scale: Annotated[Real, Field(gt=0, lt=1)] = 0.35


class Rotation(Choice):
    """Turned about the centre by up to +-degrees; the corners show the mean colour."""

    kind: Literal["rotation"] = "rotation"
    degrees: Annotated[Real, Field(gt=0, le=180)] = 15.0


class Affine(Choice):
    """Turned, moved, scaled and sheared about the centre; what comes into view shows the mean colour."""

    kind: Literal["affine"] = "affine"
    degrees: Annotated[Real, Field(ge=0, le=180)] = 10.0
    translate: Annotated[Real, Field(ge=0, le=0.5)] = 0.1  # of the side, each axis
    scale: Annotated[Real, Field(ge=0, lt=1)] = 0.1  # factor 1 - scale .. 1 + scale
    shear: Annotated[Real, Field(ge=0, le=60)] = 5.0  # degrees, along x


class ColourJitter(Choice):
    """Brightness, contrast and saturation by factors 1 +- the setting, hue by +- the setting of the colour circle.

    In this order; a grey image has no saturation and no hue.
    """

    kind: Literal["colour_jitter"] = "colour_jitter"
    brightness: Strength = 0.2
    contrast: Strength = 0.2
    saturation: Strength = 0.2
    hue: Annotated[Real, Field(ge=0, le=0.5)] = 0.0


class Grey(Choice):
    """Colours removed with probability p."""

    kind: Literal["grey"] = "grey"
    p: Probability = 0.2


class Blur(Choice):
    """With probability p a Gaussian of sigma 0.1..`sigma` pixels, drawn evenly; borders are reflected."""

    kind: Literal["blur"] = "blur"
    p: Probability = 0.5
    sigma: Annotated[Real, Field(gt=0.1, le=10)] = 2.0


class Cutout(Choice):
    """Paints a square, its side `fraction` of the image's, in the mean colour anywhere (DeVries and Taylor 2017)."""

    kind: Literal["cutout"] = "cutout"
    fraction: Annotated[Real, Field(gt=0, le=1)] = 0.25


class RandomErasing(Choice):
    """With probability p a whole box of 2 %..`area` of the image in the mean colour (Zhong et al. 2020)."""

    kind: Literal["random_erasing"] = "random_erasing"
    p: Probability = 0.5
    area: Annotated[Real, Field(gt=0.02, lt=1)] = 0.33


class TrivialAugment(Choice):
    """One operation of 14, its strength drawn evenly, for each image (Mueller and Hutter 2021)."""

    kind: Literal["trivial_augment"] = "trivial_augment"


class RandAugment(Choice):
    """`operations` operations of 14 one after the other, all of strength `magnitude` of 10 (Cubuk et al. 2020)."""

    kind: Literal["rand_augment"] = "rand_augment"
    operations: int = Field(default=2, ge=1, le=5)
    magnitude: Annotated[Real, Field(gt=0, le=10)] = 5.0


class CustomAugment(Custom):
    """An augmentation of the user's own, called as `augment(images [B, C, H, W] of 0..1, generator)`."""

    kind: Literal["custom"] = "custom"


class Mixup(Choice):
    """Blends each image with a partner of its batch, the share drawn from Beta(alpha, alpha) (Zhang et al. 2018)."""

    kind: Literal["mixup"] = "mixup"
    alpha: Annotated[Real, Field(ge=0.05, le=10)] = 0.2


class CutMix(Choice):
    """Pastes a box of a partner of its batch into each image, its area from Beta(alpha, alpha) (Yun et al. 2019)."""

    kind: Literal["cutmix"] = "cutmix"
    alpha: Annotated[Real, Field(ge=0.05, le=10)] = 1.0


Step: TypeAlias = Annotated[
    Flip
    | Shift
    | RandomResizedCrop
    | Rotation
    | Affine
    | ColourJitter
    | Grey
    | Blur
    | Cutout
    | RandomErasing
    | TrivialAugment
    | RandAugment
    | CustomAugment
    | Mixup
    | CutMix,
    Field(discriminator="kind"),
]


class Chain(Choice):
    """Several, one after the other. A random resized crop comes first, mixup or cutmix (one of them) last."""

    kind: Literal["chain"] = "chain"
    steps: tuple[Step, ...] = Field(min_length=2, max_length=8)

    @model_validator(mode="after")
    def _in_order(self) -> "Chain":
        if any(isinstance(step, RandomResizedCrop) for step in self.steps[1:]):
            raise ValueError("random_resized_crop must be the first step of a chain: it makes the image size")
        if any(isinstance(step, (Mixup, CutMix)) for step in self.steps[:-1]):
            raise ValueError("mixup and cutmix must be the last step of a chain, one of them only")
        return self

    @property
    def label(self) -> str:
        return " + ".join(step.label for step in self.steps)


class Hard(Choice):
    """A fixed enlarged set: the originals and `copies` versions of each, drawn once per run; `of` alone is drawn anew.

    An epoch is as long as without: each image shows its versions in turn, from a version of its own.
    """

    kind: Literal["hard"] = "hard"
    of: Annotated[Step | Chain, Field(discriminator="kind")]
    copies: int = Field(default=4, ge=1, le=50)

    @property
    def label(self) -> str:
        return f"hard({self.copies} x {shown(self.of)})"


Augment: TypeAlias = Annotated[NoAugment | Step | Chain | Hard, Field(discriminator="kind")]


def steps_of(augment: Augment) -> tuple[Choice, ...]:
    """The single augmentations in `augment`, in order."""
    match augment:
        case NoAugment():
            return ()
        case Chain(steps=steps):
            return steps
        case Hard(of=of):
            return steps_of(of)
        case _:
            return (augment,)


def crops(augment: Augment) -> bool:
    """Whether it looks at the stored pixels, which may be larger than the image size, and cuts its own from them."""
    return any(isinstance(step, RandomResizedCrop) for step in steps_of(augment))

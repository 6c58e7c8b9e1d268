"""All that decides the outcome of a run, data and replicate apart. Imports pydantic only: --help stays quick."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from trainer.augment_choices import (
    Affine,
    Augment,
    Blur,
    Chain,
    ColourJitter,
    CustomAugment,
    CutMix,
    Cutout,
    Flip,
    Grey,
    Hard,
    Mixup,
    NoAugment,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Shift,
    Step,
    TrivialAugment,
    crops,
    steps_of,
)
from trainer.choice import Choice, Custom, Frozen, Real, arms_of, shown
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
from trainer.optimizer_choices import SGD, AdamW, Optimizer
from trainer.refusal import allowed, refusal

__all__ = [
    "LDAM",
    "RECIPE_VERSION",
    "REFERENCE_BATCH",
    "SGD",
    "AdamW",
    "Affine",
    "Asymmetric",
    "Augment",
    "BinaryCrossEntropy",
    "Blur",
    "Chain",
    "Choice",
    "ClassBalanced",
    "ColourJitter",
    "CrossEntropy",
    "Custom",
    "CustomAugment",
    "CustomLoss",
    "CutMix",
    "Cutout",
    "Flip",
    "Focal",
    "Grey",
    "Hard",
    "InverseFrequency",
    "LabelSmoothing",
    "Loss",
    "Mixup",
    "NoAugment",
    "Optimizer",
    "Plateau",
    "Poly1",
    "RandAugment",
    "RandomErasing",
    "RandomResizedCrop",
    "Recipe",
    "RecipeError",
    "Rotation",
    "Shift",
    "SoftMacroF1",
    "Step",
    "TrivialAugment",
    "allowed",
    "arms_of",
    "crops",
    "explain",
    "read_recipe",
    "shown",
    "steps_of",
]

# Raise it whenever an equal recipe would train differently: a changed default, formula, schedule or order of draws.
RECIPE_VERSION = 2
REFERENCE_BATCH = 64  # images: what `lr` and the weight decay of AdamW are given for

_NAME = r"[A-Za-z0-9_]+"
_CUSTOM_NET = r"custom:[A-Za-z0-9_.-]+\.py:[A-Za-z_][A-Za-z0-9_]*@[0-9a-f]{64}"


class RecipeError(ValueError):
    """A recipe that cannot be: one line saying what was given and what is allowed."""


class Plateau(Frozen):
    """A run stalls when its score has not risen by more than `delta` for `patience` epochs."""

    patience: int = Field(default=3, ge=1, le=1000)  # epochs
    delta: Annotated[Real, Field(ge=0, le=1)]  # points of score, a score of 1 being perfect

    @property
    def label(self) -> str:
        return f"plateau({self.patience}, {shown(self.delta)})"


class Recipe(Frozen):
    """Frozen and compared by value. Drawn numbers are rounded to 4 significant digits, NaN and infinity refused."""

    # any timm architecture, without a tag; or a net of one's own, custom:<file>.py:<name>@<sha256 of the file>
    backbone: str = Field(default="test_resnet", pattern=f"^({_NAME}|{_CUSTOM_NET})$")
    # None: from scratch; else a tag of timm's, or the digest of a local file, whose place is the worker's business
    weights: str | None = Field(default=None, pattern=r"^(timm:[A-Za-z0-9_.-]+|sha256:[0-9a-f]{64})$")
    image_size: int = Field(default=16, ge=4, le=2048)  # pixels, height and width, of what the backbone sees
    # pixels kept of a decoded image; larger than image_size, random crops keep detail. None: image_size
    stored_size: int | None = Field(default=None, ge=4, le=4096)
    fit: Literal["crop", "pad", "squash"] = "crop"  # how a picture becomes a square: centre cut, black borders, bent
    channels: Literal[1, 3] = 1  # grey or RGB
    normalise: Literal["data", "pretrained"] = "data"  # mean and deviation of the training images, or of the weights
    stem: Literal["native", "small"] = "native"  # small: the first convolution is 3x3 of stride 1, no pooling after it
    heads: Literal["joint", "factored"] = "joint"  # factored: one head per part of a label that is a product
    head_init: Literal["xavier", "zero", "native"] = "xavier"  # weights of the classifier; its bias is 0 but for native
    batch_size: int = Field(default=64, ge=2, le=65536)  # images; two at least, for BatchNorm
    epochs: int = Field(default=12, ge=2, le=100_000)  # the whole budget, warm-up and decay included
    epoch_images: int | None = Field(default=50_000, ge=2)  # at most so many training images an epoch; None: all
    # natural: each image once an epoch; balanced: all classes equally often; square_root: between the two
    sampling: Literal["natural", "square_root", "balanced"] = "natural"
    optimizer: Optimizer = AdamW()
    # of the constant phase, for batches of 64; other sizes scale it, SGD in proportion, AdamW by the square root
    lr: Annotated[Real, Field(gt=0, le=10_000)] = 1e-3
    warmup_epochs: int = Field(default=1, ge=0)  # linear, from 0 to lr
    decay_epochs: int = Field(default=3, ge=1)  # linear, from lr to 0
    ema_epochs: Annotated[Real, Field(ge=0, le=1000)] = 0.5  # half-life of averaged weights, in epochs; 0: no averaging
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.0  # probability, in front of the classifier
    drop_path: Annotated[Real, Field(ge=0, lt=1)] = 0.0  # probability, of the deepest block
    loss: Loss = CrossEntropy()
    augment: Augment = NoAugment()
    plateau: Plateau | None = None  # None: never stopped early
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"  # of forward and backward; the weights stay fp32
    # the score: macro_f1, accuracy, or a torchmetrics classification metric in snake case, such as cohen_kappa
    metric: str = Field(default="macro_f1", pattern=r"^[a-z][a-z0-9_]*$", max_length=60)

    @model_validator(mode="after")
    def _schedule_fits(self) -> "Recipe":
        least = max(self.decay_epochs + 1, self.warmup_epochs + self.decay_epochs)
        if self.epochs < least:
            raise ValueError(
                f"epochs {self.epochs} leaves no room for warmup_epochs {self.warmup_epochs} and "
                f"decay_epochs {self.decay_epochs}: use epochs {least} or more"
            )
        return self

    @model_validator(mode="after")
    def _pixels_fit(self) -> "Recipe":
        if self.stored_size is not None and self.stored_size < self.image_size:
            raise ValueError(
                f"stored_size {self.stored_size} is below image_size {self.image_size}: "
                f"use {self.image_size} or more, or leave it out"
            )
        return self

    @property
    def pixels(self) -> int:
        """Height and width at which images are decoded and kept."""
        return self.stored_size or self.image_size

    @property
    def backbone_name(self) -> str:
        """Short: the architecture of timm, or the name of a net of one's own without file and digest."""
        return self.backbone.partition("@")[0].rpartition(":")[2]

    @property
    def files(self) -> frozenset[str]:
        """sha256 of every local file it needs: weights, and code of the user's own."""
        found = {part.digest for part in (self.loss, *steps_of(self.augment)) if isinstance(part, Custom)}
        if self.backbone.startswith("custom:"):
            found.add(self.backbone.rpartition("@")[2])
        if self.weights and self.weights.startswith("sha256:"):
            found.add(self.weights.removeprefix("sha256:"))
        return frozenset(found)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> "Recipe":
        """A copy with some fields changed, validated and rounded like any recipe (pydantic's own would not be)."""
        return type(self).model_validate({**dict(self), **(update or {})})

    def canonical(self) -> str:
        """JSON of every field and the recipe version: sorted keys, no spaces; equal text means equal recipes."""
        fields = self.model_dump(mode="json") | {"recipe_version": RECIPE_VERSION}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def signature(self) -> str:
        """sha256 of `canonical()`, 64 hexadecimal digits: the identity of this recipe."""
        return hashlib.sha256(self.canonical().encode("ascii")).hexdigest()

    def differences(self, other: "Recipe") -> dict[str, tuple[str, str]]:
        """Dotted field -> (mine, the other's), in display form; arms of different kinds are named by their labels."""
        found: dict[str, tuple[str, str]] = {}
        for name in type(self).model_fields:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine == theirs:
                continue
            if isinstance(mine, Frozen) and type(mine) is type(theirs):
                pairs = {f"{name}.{part}": (value, getattr(theirs, part)) for part, value in mine}
                found |= {part: (shown(a), shown(b)) for part, (a, b) in pairs.items() if a != b}
            else:
                found[name] = (_label(mine), _label(theirs))
        return found


def read_recipe(text: str) -> Recipe:
    """The recipe written as JSON in `text`, a missing field taking its default. RecipeError if it is not one."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise RecipeError(f'the recipe is not JSON ({error}): write an object such as {{"lr": 0.001}}') from error
    if not isinstance(fields, dict):
        raise RecipeError(f'the recipe is a JSON {type(fields).__name__}: write an object such as {{"lr": 0.001}}')
    # A canonical text can be read back, though not one of another version: equal fields would mean another run.
    version = fields.pop("recipe_version", RECIPE_VERSION)
    if version != RECIPE_VERSION:
        raise RecipeError(f"recipe version {version} is not trained here ({RECIPE_VERSION} is): use its release")
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise RecipeError(explain(error)) from error


def explain(error: ValidationError) -> str:
    """A refusal of pydantic's in one line: dotted field, what was given, what is allowed; close names are proposed."""
    return "; ".join(refusal(detail, Recipe, Plateau) for detail in error.errors(include_url=False))


def _label(value: object) -> str:
    return value.label if isinstance(value, (Choice, Plateau)) else shown(value)

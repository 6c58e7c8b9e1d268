"""All that decides the outcome of a run, data and replicate apart. Imports pydantic only: --help stays quick."""

import hashlib
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from trainer.choices import (
    SGD,
    AdamW,
    Augment,
    Choice,
    ClassBalanced,
    CrossEntropy,
    Cutout,
    Flip,
    Focal,
    Frozen,
    LabelSmoothing,
    Loss,
    Mixup,
    NoAugment,
    Optimizer,
    Real,
    Shift,
    shown,
)

__all__ = [
    "RECIPE_VERSION",
    "SGD",
    "AdamW",
    "Augment",
    "Choice",
    "ClassBalanced",
    "CrossEntropy",
    "Cutout",
    "Flip",
    "Focal",
    "LabelSmoothing",
    "Loss",
    "Mixup",
    "NoAugment",
    "Optimizer",
    "Plateau",
    "Recipe",
    "RecipeError",
    "Shift",
    "explain",
    "read_recipe",
]

# Raise it whenever an equal recipe would train differently: a changed default, formula, schedule or order of draws.
RECIPE_VERSION = 1


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

    backbone: str = Field(default="test_resnet", pattern=r"^[A-Za-z0-9_]+$")  # any timm architecture, without a tag
    # None: from scratch; else a tag of timm's, or the digest of a local file, whose place is the worker's business
    weights: str | None = Field(default=None, pattern=r"^(timm:[A-Za-z0-9_.-]+|sha256:[0-9a-f]{64})$")
    image_size: int = Field(default=16, ge=4, le=2048)  # pixels, height and width
    channels: Literal[1, 3] = 1  # grey or RGB
    batch_size: int = Field(default=64, ge=2, le=65536)  # images; two at least, for BatchNorm
    epochs: int = Field(default=12, ge=2, le=100_000)  # the whole budget, warm-up and decay included
    epoch_images: int | None = Field(default=50_000, ge=2)  # at most so many training images an epoch; None: all
    optimizer: Optimizer = AdamW()
    lr: Annotated[Real, Field(gt=0, le=10_000)] = 1e-3  # of the constant phase
    warmup_epochs: int = Field(default=1, ge=0)  # linear, from 0 to lr
    decay_epochs: int = Field(default=3, ge=1)  # linear, from lr to 0
    ema_epochs: Annotated[Real, Field(ge=0, le=1000)] = 0.5  # half-life of averaged weights, in epochs; 0: no averaging
    head_init: Literal["xavier"] = "xavier"  # Xavier-uniform weights, zero bias
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.0  # probability, in front of the classifier
    drop_path: Annotated[Real, Field(ge=0, lt=1)] = 0.0  # probability, of the deepest block
    loss: Loss = CrossEntropy()
    augment: Augment = NoAugment()
    plateau: Plateau | None = None  # None: never stopped early
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"  # of forward and backward; the weights stay fp32
    metric: Literal["macro_f1", "accuracy"] = "macro_f1"  # the score, from 0 to 1, higher is better

    @model_validator(mode="after")
    def _schedule_fits(self) -> "Recipe":
        least = max(self.decay_epochs + 1, self.warmup_epochs + self.decay_epochs)
        if self.epochs < least:
            raise ValueError(
                f"epochs {self.epochs} leaves no room for warmup_epochs {self.warmup_epochs} and "
                f"decay_epochs {self.decay_epochs}: use epochs {least} or more"
            )
        return self

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
    return "; ".join(_refusal(detail) for detail in error.errors(include_url=False))


_PATTERNS = {
    "backbone": "write the bare name of a timm architecture, such as resnet18, and a tag as weights timm:<tag>",
    "weights": "write timm:<tag>, or sha256:<64 hexadecimal digits> of a local file, or leave it out",
}


def _refusal(detail: Any) -> str:
    where = [str(part) for part in detail["loc"] if part not in _ARMS]
    said = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        arm = Plateau if where[0] == "plateau" else _ARMS.get(detail["loc"][-2]) if len(where) > 1 else Recipe
        known = [name for name in (arm or Recipe).model_fields if name != "kind"]
        close = get_close_matches(where[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
        return f"{'.'.join(where)} is no field of a recipe: {hint}"
    if detail["type"] == "string_pattern_mismatch":
        said = _PATTERNS[where[-1]]
    given = " ".join(str(detail["input"]).split())[:60]
    return f"{'.'.join(where)} = {given} is refused: {said}" if where else said


_ARMS: dict[str, type[Frozen]] = {arm.model_fields["kind"].default: arm for arm in Choice.__subclasses__()}


def _label(value: object) -> str:
    return value.label if isinstance(value, (Choice, Plateau)) else shown(value)

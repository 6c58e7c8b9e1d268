"""A trained model as one folder that timm and torch load without this program: what stands in it, and how it is read.

Nothing in it is executed when it is read: weights are safetensors, all else is JSON. The user's own code that a net may
need is a copy of his file, known by its digest, and runs only when whoever loads it says so.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from trainer.geometry import Geometry
from trainer.recipe import Recipe, RecipeError, read_recipe
from trainer.sources.source import Part
from trainer.sources.wording import listed, shown
from trainer.weights import BackboneError

FORMAT = 1
ABOUT, RECIPE, WEIGHTS, CARD = "model.json", "recipe.json", "weights.safetensors", "README.md"


class ModelError(BackboneError):
    """A model folder that cannot be used: one line saying what was found, what is wanted, what to do."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Architecture(_Plain):
    """The arguments of `timm.create_model`. A name only: timm would take addresses too, and go there."""

    model_name: str = Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_-]+)?$")
    num_classes: int = Field(ge=1)
    in_chans: Literal[1, 3]
    img_size: int | None = None


class Convolution(_Plain):
    """Of a convolution that timm makes otherwise."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str


class PartOfLabel(_Plain):
    name: str
    class_names: tuple[str, ...]


class CodeFile(_Plain):
    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.py$")
    digest: str = Field(pattern="^[0-9a-f]{64}$")


class About(_Plain):
    """model.json: all that the weights do not say."""

    format: int = FORMAT
    recipe_version: int
    class_names: tuple[str, ...] = Field(min_length=2)  # in the order of the answers
    heads: tuple[int, ...] = Field(min_length=1)  # outputs of each head; several: see docs/use.md
    parts: tuple[PartOfLabel, ...] = ()  # the label as a product, where it is one
    target: str | None = None  # the part of the data's label that it was trained for; None: all of it
    data_kind: str = ""
    mean: tuple[float, ...]  # of each channel, levels 0..1
    std: tuple[float, ...]
    channels: Literal[1, 3]
    stored_size: int  # pixels to which a picture is made square
    image_size: int  # pixels that the net sees of it
    fit: Literal["crop", "pad", "squash"]
    precision: Literal["fp32", "bf16", "fp16"]
    timm: Architecture | None  # None: a net of the user's own, `backbone` of the recipe
    convolutions: dict[str, Convolution] = {}  # of the stem, where it is small
    removed: tuple[str, ...] = ()  # layers of the stem that do nothing, where it is small
    code: tuple[CodeFile, ...] = ()
    weights_sha256: str
    metric: str
    score: float | None  # of these weights, on their own validation part
    test_score: float | None
    study: str
    trial: str
    data: str
    data_digest: str
    versions: dict[str, str]

    @model_validator(mode="after")
    def _fits(self) -> "About":
        if prod(self.heads) != len(self.class_names):
            raise ValueError(f"{len(self.class_names)} classes are named and the net tells {prod(self.heads)} apart")
        if len(set(self.class_names)) < len(self.class_names):
            raise ValueError("two classes have the same name")
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std are not for {self.channels} channels")
        return self

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.stored_size, self.channels, self.fit)

    @property
    def label_parts(self) -> tuple[Part, ...]:
        return tuple(Part(part.name, part.class_names) for part in self.parts)


@dataclass(frozen=True)
class Model:
    """`code`: file name -> its text, of the user's own."""

    about: About
    recipe: Recipe
    weights: Mapping[str, Tensor]
    code: Mapping[str, bytes] = field(default_factory=dict)


def packed(weights: Mapping[str, Tensor]) -> bytes:
    """As safetensors. Tensors that share memory are kept apart."""
    return save_safetensors({name: tensor.contiguous().clone() for name, tensor in weights.items()}, {"format": "pt"})


def write(model: Model, folder: Path, card: str) -> None:
    """Writes into `folder`, which exists. Raises OSError."""
    (folder / WEIGHTS).write_bytes(packed(model.weights))
    for name, content in model.code.items():
        (folder / name).write_bytes(content)
    fields = model.recipe.model_dump(mode="json") | {"recipe_version": model.about.recipe_version}
    _write_json(folder / RECIPE, fields)
    _write_json(folder / ABOUT, model.about.model_dump(mode="json", exclude_none=True) | {"timm": _timm(model.about)})
    (folder / CARD).write_text(card, encoding="utf-8")


def read(folder: Path) -> Model:
    """Raises ModelError unless it is whole and of this release's kind."""
    about = _about(folder)
    try:
        recipe = read_recipe(_text(folder / RECIPE))
    except RecipeError as error:
        raise ModelError(f"model {shown(folder)}: {error}, or the plain lines of docs/use.md") from None
    content = _bytes(folder / WEIGHTS)
    if hashlib.sha256(content).hexdigest() != about.weights_sha256:
        raise ModelError(f"{shown(folder / WEIGHTS)} is not the file that was exported: copy the folder again")
    code = {each.file: _code(folder, each) for each in about.code}
    return Model(about, recipe, unpacked(content, folder / WEIGHTS), code)


def unpacked(content: bytes, file: Path) -> dict[str, Tensor]:
    """Raises ModelError for what is not safetensors: a pickle is not even looked into."""
    try:
        return load_safetensors(content)
    except SafetensorError as error:
        raise ModelError(f"{shown(file)} is no safetensors file ({error}): export the model again") from None


def _about(folder: Path) -> About:
    file = folder / ABOUT
    try:
        fields = json.loads(_text(file))
    except ValueError:
        raise ModelError(f"{shown(file)} is no JSON: export the model again") from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        found = fields.get("format") if isinstance(fields, dict) else None
        raise ModelError(f"{shown(file)} is of format {found}, this release reads {FORMAT}: use the one that made it")
    fields["timm"] = fields.get("timm")
    try:
        return About.model_validate({"score": None, "test_score": None} | fields)
    except ValidationError as error:
        wrong = listed(f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in error.errors()[:3])
        raise ModelError(f"{shown(file)} cannot be used ({wrong}): export the model again") from None


def _timm(about: About) -> dict[str, object] | None:
    return None if about.timm is None else about.timm.model_dump(exclude_none=True)


def _code(folder: Path, named: CodeFile) -> bytes:
    content = _bytes(folder / named.file)
    if hashlib.sha256(content).hexdigest() != named.digest:
        raise ModelError(f"{shown(folder / named.file)} is not the file that was exported: copy the folder again")
    return content


def _text(file: Path) -> str:
    try:
        return _bytes(file).decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"{shown(file)} is no text: export the model again") from None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        why = error.strerror or error
        raise ModelError(
            f"{shown(file)} cannot be read ({why}): give a folder that python -m search.export_model made"
        ) from None


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")

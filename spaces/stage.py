"""A stage as data: the factor it asks about, the values of it, and what is re-tuned beside it."""

from dataclasses import dataclass
from itertools import product
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spaces.domain import Domain, LogGrid, Options, Value, label, rounded
from trainer.recipe import Recipe


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Nuisance(Frozen):
    """A factor that is re-tuned for every scientific value, so that none wins by suiting the incumbent's setting.

    `times` multiply the *anchor*: the value carried by the stage that asked about this field, or else the baseline's.
    Anchored, not compounding: the third stage searches around the same lr as the second.
    """

    field: Literal["lr"] = "lr"
    times: tuple[float, ...] = (1.0, 1 / 3, 3.0)

    def values(self, anchor: float) -> tuple[float, ...]:
        return tuple(rounded(anchor * factor) for factor in self.times)


# What a stage may ask about, and the kind of domain its values come from. Not asked about: what the data are decoded to
# (all runs of a study share the pixels), the backbone (it is what a study fixes) and how a run is scored and stopped.
FACTORS: dict[str, str] = {
    "lr": "log_grid",
    "loss": "losses",
    "augment": "augments",
    **dict.fromkeys(
        (
            "weights",
            "image_size",
            "normalise",
            "stem",
            "heads",
            "head_init",
            "batch_size",
            "sampling",
            "warmup_epochs",
            "decay_epochs",
            "ema_epochs",
            "dropout",
            "drop_path",
        ),
        "options",
    ),
}


class Factor(Frozen):
    """A field of the recipe and the values to compare. Raises when the two do not belong together."""

    factor: str
    domain: Domain

    @model_validator(mode="after")
    def _belong_together(self) -> "Factor":
        if self.factor not in FACTORS:
            raise ValueError(f"{self.factor!r} is no factor a stage can ask about; there is: {', '.join(FACTORS)}")
        expected = FACTORS[self.factor]
        if self.domain.kind != expected:
            raise ValueError(f"a stage asks about {self.factor} but its domain is {self.domain.kind}; give {expected}")
        return self


class Stage(Factor):
    """The exploration of one factor. `trials` bounds the screen (None: every cell of the domain).

    With `crossed` the question is about two fields together, every value of the one with every value of the other:
    for factors that answer the same need, such as sampling and weights against imbalance, where one at a time would
    find the two together only by luck.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    crossed: Factor | None = None
    nuisance: Nuisance | None = None
    trials: int | None = Field(default=None, ge=1)
    first_rung: int | None = Field(default=None, ge=1)
    """The first epoch after which it is safe to prune here: later than elsewhere where values start slowly."""

    def rungs(self, usual: tuple[int, ...]) -> tuple[int, ...]:
        """Of `usual` those that are safe in this stage; its first safe one always."""
        if self.first_rung is None:
            return usual
        return tuple(sorted({self.first_rung, *(rung for rung in usual if rung > self.first_rung)}))

    @model_validator(mode="after")
    def _one_question(self) -> "Stage":
        if self.crossed and self.crossed.factor == self.factor:
            raise ValueError(f"stage {self.name}: {self.factor} is crossed with itself; cross it with another field")
        if self.nuisance and self.nuisance.field in self.asks:
            raise ValueError(f"stage {self.name}: {self.nuisance.field} cannot be scientific and nuisance at once")
        return self

    @property
    def asks(self) -> tuple[str, ...]:
        """The scientific fields: one, or two that are crossed."""
        return (self.factor, self.crossed.factor) if self.crossed else (self.factor,)

    @property
    def declared(self) -> tuple[str, ...]:
        """All fields in which two recipes of this stage may differ."""
        return (*self.asks, self.nuisance.field) if self.nuisance else self.asks


@dataclass(frozen=True)
class Setting:
    """One scientific value: what it makes of the recipe, field by field, and how a person reads it."""

    values: tuple[tuple[str, Value], ...]

    @property
    def label(self) -> str:
        return " + ".join(label(value) for _, value in self.values)

    @property
    def changes(self) -> dict[str, Value]:
        return dict(self.values)


def held(stage: Stage, incumbent: Recipe) -> Setting:
    """What the incumbent has in the fields the stage asks about."""
    return Setting(tuple((field, getattr(incumbent, field)) for field in stage.asks))


def scientific_values(stage: Stage, incumbent: Recipe) -> tuple[Setting, ...]:
    """Every value the stage asks about, the incumbent's first, each once."""
    domains = [(stage.factor, stage.domain.values())]
    if stage.crossed:
        domains.append((stage.crossed.factor, stage.crossed.domain.values()))
    combined = product(*(values for _, values in domains))
    settings = (Setting(tuple(zip(stage.asks, values, strict=True))) for values in combined)
    return tuple(dict.fromkeys((held(stage, incumbent), *settings)))


def check_values(name: str, asked: Factor) -> None:
    """Raises unless every plain value is one that a recipe takes in that field, whatever its other fields are."""
    if not isinstance(asked.domain, Options):
        return
    for value in asked.domain.choices:
        try:
            Recipe.model_validate({asked.factor: value})
        except ValidationError as error:
            said = [detail["msg"] for detail in error.errors() if detail["loc"][:1] == (asked.factor,)]
            if said:  # else it is refused only next to the defaults of other fields
                raise ValueError(f"stage {name}: {asked.factor} = {value} is refused: {said[0]}") from None


def is_range(stage: Stage) -> bool:
    """Whether the scientific values lie on a line (and so have a low and a high end)."""
    return isinstance(stage.domain, LogGrid) and stage.crossed is None

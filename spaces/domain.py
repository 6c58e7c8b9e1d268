"""Where the values of a factor come from. A domain is finite: a search over it can be finished, counted, plotted."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.recipe import Augment, Loss, shown

SQRT2 = math.sqrt(2.0)


def rounded(value: float) -> float:
    """`value` to 4 significant digits, the precision at which two drawn floats count as the same."""
    return float(f"{value:.4g}")


class LogGrid(BaseModel):
    """`low`, `low * step`, `low * step**2`, … up to `high`, each rounded to 4 significant digits."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["log_grid"] = "log_grid"
    low: float = Field(gt=0, allow_inf_nan=False)
    high: float = Field(gt=0, allow_inf_nan=False)
    step: float = Field(default=SQRT2, gt=1.001, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ordered(self) -> "LogGrid":
        if self.high < self.low:
            raise ValueError(f"high={self.high} lies below low={self.low}; give low <= high")
        return self

    def values(self) -> tuple[float, ...]:
        count = math.floor(math.log(self.high / self.low) / math.log(self.step) + 1e-6) + 1
        return tuple(rounded(self.low * self.step**k) for k in range(count))


class Losses(BaseModel):
    """The losses to compare, in the order in which they are tried first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["losses"] = "losses"
    choices: tuple[Loss, ...] = Field(min_length=1)

    def values(self) -> tuple[Loss, ...]:
        return self.choices


class Augments(BaseModel):
    """The augmentations to compare, in the order in which they are tried first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["augments"] = "augments"
    choices: tuple[Augment, ...] = Field(min_length=1)

    def values(self) -> tuple[Augment, ...]:
        return self.choices


class Options(BaseModel):
    """The values of a plain field to compare (`natural`, `balanced`; 24, 32, 48), in the order they are tried first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["options"] = "options"
    choices: tuple[bool | int | float | str | None, ...] = Field(min_length=1)

    def values(self) -> tuple[bool | int | float | str | None, ...]:
        return self.choices


Domain = Annotated[LogGrid | Losses | Augments | Options, Field(discriminator="kind")]
Value = bool | int | float | str | None | Loss | Augment


def label(value: Value) -> str:
    """How a value is written everywhere a person reads it: `0.001414`, `focal(2)`, `mixup(0.2)`, `balanced`."""
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else shown(value)

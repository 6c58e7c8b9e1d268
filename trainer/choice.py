"""What the parts of a recipe are made of: frozen data, numbers of 4 significant digits, arms of sum types."""

import math
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_serializer

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
        case Choice():
            return value.label
        case _:
            return str(value)


# Rounding comes before the bounds, so that no value is rounded out of its range.
Real: TypeAlias = Annotated[float, AfterValidator(rounded)]
Probability: TypeAlias = Annotated[Real, Field(gt=0, le=1)]


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


def _sorted_pairs(settings: object) -> object:
    """A JSON object as pairs sorted by name: hashable, and equal whatever the order they were written in."""
    if isinstance(settings, dict):
        settings = tuple(sorted(settings.items()))
    if not isinstance(settings, (tuple, list)):
        return settings
    # 2 and 2.0 are equal, so they must be written alike
    return tuple((key, int(v) if isinstance(v, float) and v.is_integer() else v) for key, v in settings)


class Custom(Choice):
    """Something of the user's own: `name` in the Python file `file`, known by the sha256 of its bytes, never by a path.

    `settings` are passed to it by name.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.py$", max_length=100)
    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    settings: Annotated[tuple[tuple[str, bool | int | Real | str], ...], BeforeValidator(_sorted_pairs)] = ()

    @field_serializer("settings")
    def _as_object(self, settings: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
        return dict(settings)

    @property
    def label(self) -> str:
        """`custom:my_losses.py:MyLoss(gamma=2)`, with the first digits of the file's digest: two versions differ."""
        given = ", ".join(f"{key}={shown(value)}" for key, value in self.settings)
        return f"custom:{self.file}:{self.name}@{self.digest[:6]}{f'({given})' if given else ''}"


def arms_of(kind: type[Choice]) -> dict[str, type[Choice]]:
    """Every arm below `kind`, by its `kind` text. The fields of two arms of one name are the same."""
    found: dict[str, Any] = {}
    for arm in kind.__subclasses__():
        if "kind" in arm.model_fields:
            found[arm.model_fields["kind"].default] = arm
        found |= arms_of(arm)
    return found

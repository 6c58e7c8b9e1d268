"""A study as data: one baseline, an ordered list of stages, and the numbers that bound it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spaces.domain import Domain, LogGrid, Value, rounded
from trainer.recipe import Recipe

ScientificFactor = Literal["lr", "loss", "augment"]
AutoField = Literal["image_size", "channels", "precision", "delta", "noise"]


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


class Stage(Frozen):
    """The exploration of one factor. `trials` bounds the screen (None: every cell of the domain)."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    factor: ScientificFactor
    domain: Domain
    nuisance: Nuisance | None = None
    trials: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_question(self) -> "Stage":
        expected = {"lr": "log_grid", "loss": "losses", "augment": "augments"}[self.factor]
        if self.domain.kind != expected:
            raise ValueError(
                f"stage {self.name} asks about {self.factor} but its domain is {self.domain.kind}; give {expected}"
            )
        if self.nuisance and self.nuisance.field == self.factor:
            raise ValueError(f"stage {self.name}: {self.factor} cannot be scientific and nuisance at once")
        return self


class Budgets(Frozen):
    """The default numbers of a study (DESIGN 5), in one place."""

    pilot: int = Field(default=4, ge=2, le=99)
    """Baseline runs that measure delta and noise."""
    finalists: int = Field(default=2, ge=1, le=9)
    """Challengers that meet the incumbent in the finals."""
    finals: int = Field(default=3, ge=1, le=99)
    """Common fresh replicates on which the working choice is made."""
    confirm: int = Field(default=8, ge=2, le=99)
    """Reserved replicates of final recipe against baseline: the headline."""
    rungs: tuple[int, ...] = (2, 4)
    """Epochs after which a screen compares its trials."""
    eta: float = Field(default=2.0, gt=1.0)
    """At a rung the best 1/eta of the company is safe."""
    company: int = Field(default=4, ge=2)
    """Trials, the judged one included, that must have reached a rung before anyone is cut there."""
    stage_patience: int | None = Field(default=None, ge=1)
    """Finished trials without a rise above noise that end a screen early (None: the screen is finished)."""


class StudyDefinition(Frozen):
    """What a study asks. Fields named in `auto` are looked up or measured once, when the study is created."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    question: str
    baseline: Recipe
    stages: tuple[Stage, ...] = Field(min_length=1)
    auto: tuple[AutoField, ...] = ("image_size", "channels", "precision", "delta", "noise")
    patience: int = Field(default=3, ge=1)
    """Epochs without progress above delta after which a run decays and ends."""
    delta: float = Field(default=0.005, ge=0, lt=1)
    """Size of "no difference" within one curve; measured by the pilot while `delta` stands in `auto`."""
    noise: float = Field(default=0.005, ge=0, lt=1)
    """Size of "no difference" between two runs; measured by the pilot while `noise` stands in `auto`."""
    budgets: Budgets = Budgets()
    folds: int = Field(default=5, ge=2, le=20)
    test_fraction: float = Field(default=1 / 6, gt=0, lt=0.9)
    seed: int = Field(default=0, ge=0, lt=1_000_000)
    """Study seed s owns the replicates 1000*s to 1000*s + 999."""

    @model_validator(mode="after")
    def _sound(self) -> "StudyDefinition":
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"two stages share a name ({', '.join(names)}); give each its own")
        if self.baseline.plateau is not None:
            raise ValueError("baseline.plateau is set by the study; give patience and delta instead")
        return self

    def phase_name(self, stage: Stage) -> str:
        """The name of the stage's screen: `1-lr`, `2-loss`, …"""
        return f"{self.stages.index(stage) + 1}-{stage.name}"


def scientific_values(stage: Stage, incumbent: Recipe) -> tuple[Value, ...]:
    """Every value the stage asks about, the incumbent's first, each once."""
    values: list[Value] = [getattr(incumbent, stage.factor)]
    values += [value for value in stage.domain.values() if value not in values]
    return tuple(values)


def is_range(stage: Stage) -> bool:
    """Whether the scientific values lie on a line (and so have a low and a high end)."""
    return isinstance(stage.domain, LogGrid)

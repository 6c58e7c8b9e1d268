"""A study as data: one baseline, an ordered list of stages, and the numbers that bound it."""

from typing import Literal

from pydantic import Field, model_validator

from spaces.stage import Frozen, Stage, check_values
from trainer.recipe import Recipe

AutoField = Literal["image_size", "stored_size", "channels", "precision", "delta", "noise"]


class Budgets(Frozen):
    """The default numbers of a study (DESIGN 5), in one place."""

    pilot: int = Field(default=4, ge=2, le=99)
    """Baseline runs that measure delta and noise."""
    finalists: int = Field(default=2, ge=1, le=9)
    """Challengers that meet the incumbent in the finals."""
    finals: int = Field(default=3, ge=1, le=99)
    """Common fresh replicates on which the working choice is made."""
    claims: int = Field(default=8, ge=0, le=99)
    """Common replicates up to which a stage is followed for a claim; as many as `finals` or fewer: none is made."""
    confirm: int = Field(default=8, ge=2, le=99)
    """Reserved replicates of final recipe against baseline: the headline."""
    rungs: tuple[int, ...] = (2, 3, 4)
    """Epochs after which a screen compares its trials."""
    eta: float = Field(default=3.0, gt=1.0)
    """At a rung the best 1/eta of the company is safe."""
    company: int = Field(default=4, ge=2)
    """Trials, the judged one included, that must have reached a rung before anyone is cut there."""
    stage_patience: int | None = Field(default=None, ge=1)
    """Finished trials without a rise above noise that end a screen early (None: the screen is finished)."""

    @property
    def beyond_finals(self) -> int:
        """Common replicates that a claim may want beyond those of the finals; 0: no claim is made."""
        return max(0, self.claims - self.finals)


class StudyDefinition(Frozen):
    """What a study asks. Fields named in `auto` are looked up or measured once, when the study is created."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    question: str
    baseline: Recipe
    stages: tuple[Stage, ...] = Field(min_length=1)
    auto: tuple[AutoField, ...] = ("image_size", "stored_size", "channels", "precision", "delta", "noise")
    patience: int | None = Field(default=None, ge=1)
    """Epochs without progress above delta after which a run decays and ends early (None: every run has its epochs)."""
    delta: float = Field(default=0.005, ge=0, lt=1)
    """Size of "no difference" within one curve; measured by the pilot while `delta` stands in `auto`."""
    noise: float = Field(default=0.005, ge=0, lt=1)
    """Size of "no difference" between two runs; measured by the pilot while `noise` stands in `auto`."""
    decide: Literal["mean", "strict"] = "mean"
    """What a stage carries on: the highest mean of the finals, or a challenger only if it is claimed."""
    min_gain: float = Field(default=0.0, ge=0, lt=1)
    """What a challenger must lead the incumbent by, in score, to be carried on."""
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
        if self.decide == "strict" and not self.budgets.beyond_finals:
            raise ValueError(
                f"decide strict carries what is claimed, and budgets.claims {self.budgets.claims} lets none be: give "
                f"more than budgets.finals {self.budgets.finals}"
            )
        for stage in self.stages:
            for asked in (stage, stage.crossed) if stage.crossed else (stage,):
                check_values(stage.name, asked)
        return self

    def phase_name(self, stage: Stage) -> str:
        """The name of the stage's screen: `1-lr`, `2-loss`, …"""
        return f"{self.stages.index(stage) + 1}-{stage.name}"

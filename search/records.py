"""What is written down once for a study: what its data are, what was measured, claimed and concluded."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from search.own_code import StoredCode
from spaces.study import StudyDefinition


class DataFacts(BaseModel):
    """What the manifest says about the data, for screens and plans; identity is the digest alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    classes: tuple[str, ...]
    development_images: int
    test_images: int
    groups: int | None = None
    kind: str = ""
    official_test: bool = False
    options: tuple[str, ...] = ()
    """The command-line words that read the data in this way: --label, --group, --target, ..."""
    left_out: tuple[str, ...] = ()
    """Pictures that could not be read, with the reason."""

    @property
    def words(self) -> str:
        """`digits: 1497 images to learn from, 300 held out for the test, 10 classes`"""
        groups = f", {self.groups} groups" if self.groups else ""
        kind = f" ({self.kind})" if self.kind not in ("", self.name) else ""
        held_out = "in the official test part" if self.official_test else "held out for the test"
        left_out = f", {len(self.left_out)} left out as broken" if self.left_out else ""
        return (
            f"{self.name}{kind}: {self.development_images} images to learn from, {self.test_images} {held_out}, "
            f"{len(self.classes)} classes{groups}{left_out}"
        )

    def validation_images(self, folds: int) -> int:
        return max(1, self.development_images // folds)


class Resolved(BaseModel):
    """The adopted text of a manifest: the definition with every looked-up field filled in, and what the data are."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    definition: StudyDefinition
    data: DataFacts
    code: tuple[StoredCode, ...] = ()
    """The user's own code that the recipes name: a joiner without the files may run it with --trust-code."""
    quick: bool = False
    """Begun with --quick: one replicate decides, until a launch without it asks for error bars."""
    hours: float | None = None
    """The time it was given, from its creation on."""


class Rules(BaseModel):
    """The two sizes of "no difference", as settled by the pilot."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    delta: float
    noise: float
    pilot_scores: tuple[float, ...] = ()
    measured: bool = True

    @property
    def words(self) -> str:
        if not self.measured:
            return f"too few good runs to measure with, delta {self.delta:g} and noise {self.noise:g} are assumed"
        return f"a curve moves by delta {self.delta:g}, two seeds differ by noise {self.noise:g}"


class Gain(BaseModel):
    """A mean paired gain with its 95 % interval, in score units."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mean: float
    low: float
    high: float


class Headline(BaseModel):
    """Final recipe against the original baseline on fresh replicates. Gains are None when both are one recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    answer: str
    why: str
    recipe: str
    replicates: tuple[int, ...]
    validation: float | None
    test: float | None
    baseline_validation: float | None = None
    baseline_test: float | None = None
    validation_gain: Gain | None = None
    test_gain: Gain | None = None
    test_interval: Literal["paired t", "crossed bootstrap"] = "paired t"


class Worth(BaseModel):
    """What one stage's winner is worth at the end: the final recipe against itself with that value put back."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stage: str
    value: str
    put_back: str
    gain: Gain | None


class Ablation(BaseModel):
    """Every winner put back, one at a time. `together` is the gain of the final recipe over the baseline on the same
    replicates, `beyond` what it is more than the sum of the single ones: None where too few replicates are common."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    replicates: tuple[int, ...]
    worths: tuple[Worth, ...]
    together: Gain | None
    beyond: Gain | None


class Retraining(BaseModel):
    """What is asked of the answer: the recipes, what to train them on, and how often. Recipes are canonical JSON.

    `baseline` is None where nothing is to be compared: the study's own backbone, or an answer that keeps the baseline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    recipe: str
    baseline: str | None
    heavier: bool
    """Whether it has another backbone than the study, for which the learning rate is tuned again."""
    on: Literal["train", "train+val", "all"]
    folds: int
    seeds: int


class Retrained(BaseModel):
    """`recipe` is what was trained in the end; `gain` of the final over the baseline recipe on the heavier backbone."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    recipe: str
    words: str
    tuning: str
    """What became of the learning rates; empty where none was tuned."""
    gain: Gain | None
    replicates: tuple[int, ...]
    validation: float | None
    test: float | None


class TestReport(BaseModel):
    """Of the recommended recipe on the test part, over its confirmed runs; `confusion` is [truth][answer], summed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    __test__ = False
    per_class: dict[str, float]
    confusion: tuple[tuple[int, ...], ...]
    validation: float
    test: float
    standard_error: float
    warning: str | None
    hints: tuple[str, ...]


class Claim(BaseModel):
    """What the sequential test of a stage came to (docs/verdicts.md). It changes wording, never what is carried.

    `value` is the challenger that was claimed, or else the one that stood highest in the end. `squares` and `freedom`
    are the noise measured so far, which later stages go on with; `could_miss` the gain that would mostly be found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    outcome: Literal["claimed", "dropped", "exhausted", "unfinished"]
    incumbent: str
    value: str | None
    gain: Gain | None
    replicates: int
    p: float | None
    level: float | None
    squares: float
    freedom: int
    could_miss: float | None
    dropped: dict[str, str]


def as_json(model: BaseModel) -> Any:
    """A model as plain JSON values, for an insert-once row."""
    return model.model_dump(mode="json")

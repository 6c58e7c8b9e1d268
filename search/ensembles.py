"""Ensembles as they are kept: `ensembles/<name>.json` in the run folder, for whoever predicts."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from search.edge import UserError
from search.folder import RunFolder

FOLDER = "ensembles"
Vote = Literal["soft", "hard"]


class Member(BaseModel):
    """One trained run. Where recipes are combined, each of its fold runs is a member with its share of the weight."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    study: str
    phase: str
    trial: int
    """Its number in the phase."""
    weight: float = Field(gt=0)
    label: str = ""
    target: str | None = None
    """The part of the label that it answers; None: the whole label."""
    file: str | None = None
    """Of predictions from outside: there is no such run, and what holds one cannot predict for other images."""


class Shown(BaseModel):
    """The best single run or recipe, the ensemble, and how far they are apart with a 95 % interval, in score units."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    single: float
    ensemble: float
    gain: float
    low: float
    high: float


class Ensemble(BaseModel):
    """Answers of the members are combined with their weights, which sum to 1 for every target.

    `soft`: the mean of their probabilities. `hard`: the share of votes, a tie going to the higher mean probability.
    With `targets`, each is answered by its own members, and the joint label is the product of their answers: its class
    number counts through the targets in this order, the first leading.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    vote: Vote
    chosen_by: Literal["soft", "hard", "greedy"]
    classes: tuple[str, ...]
    """Of the answer: of the joint label where there are targets."""
    targets: tuple[str, ...] = ()
    members: tuple[Member, ...] = Field(min_length=1)
    metric: str
    images: int
    """Validation images that it was estimated on."""
    estimate: Shown
    """Cross-fitted: every image scored by members that were chosen without its group."""
    best: str = ""
    """The best single run or recipe, chosen on all images."""
    naive: float
    """The score on the very images that it was chosen by: too good, for comparison only."""
    test: Shown | None = None
    together: Shown | None = None
    """On the test part with the runs of all folds at once, where `test` is the mean of the folds."""

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "Ensemble":
        for target in self.targets or (None,):
            total = sum(member.weight for member in self.members if member.target == target)
            if abs(total - 1) > 1e-6:
                raise ValueError(f"the weights of {target or 'the members'} sum to {total:g}, not to 1")
        return self

    def of_target(self, target: str | None) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.target == target)


def keep(ensemble: Ensemble, folder: RunFolder) -> Path:
    """Write it, whole or not at all."""
    (folder.path / FOLDER).mkdir(exist_ok=True)
    return folder.write_json(str(Path(FOLDER) / f"{ensemble.name}.json"), ensemble.model_dump(mode="json"))


def read(file: Path) -> Ensemble:
    """The ensemble of a file. Raises `UserError` when there is none."""
    try:
        return Ensemble.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); python -m search.ensemble makes one") from None
    except (ValidationError, UnicodeDecodeError):
        raise UserError(f"{file} is no ensemble; python -m search.ensemble makes one") from None


def named(folder: RunFolder, name: str | None) -> Ensemble:
    """The ensemble of that name in a run folder, or its newest. Raises `UserError` naming what there is."""
    files = sorted((folder.path / FOLDER).glob("*.json"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise UserError(f"{folder.path} holds no ensemble; python -m search.ensemble makes one")
    chosen = files[-1] if name is None else next((file for file in files if file.stem == name), None)
    if chosen is None:
        raise UserError(f"no ensemble is called {name!r}; there is {', '.join(file.stem for file in files)}")
    return read(chosen)

"""A stored study: its frozen definition and what has been measured and decided in it so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from pydantic import ValidationError

from search.edge import UserError
from search.records import Ablation, Claim, Headline, Resolved, Retrained, Retraining, Rules, TestReport
from spaces.stage import Stage
from spaces.study import StudyDefinition
from storage.rows import Manifest, Verdict
from storage.store import Store
from trainer.recipe import Recipe, read_recipe

Depth = Literal["quick", "full"]
"""`quick`: one replicate decides each stage and one confirms; `full`: as many as give error bars."""

ASKED_FULL, ASKED_ABLATION, ASKED_OVERTIME = "asked/full", "asked/ablation", "asked/overtime"
ENDED = "no time was left"  # why a phase is closed whose study had a time


def instance_of(study_id: int, created_at: float) -> str:
    """A name for the files of one study in one database, also when its name is used a second time."""
    return f"{study_id}-{round(created_at * 1000):x}"


@dataclass(frozen=True)
class Study:
    """`definition` is resolved: what is trained. `manifest.definition` is what was asked."""

    store: Store
    manifest: Manifest
    resolved: Resolved
    _known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was read of rows that are written once: a conclusion that is there is never read again."""

    @classmethod
    def of(cls, store: Store, manifest: Manifest) -> "Study":
        """The study of a manifest. Raises `UserError` for a manifest of another release."""
        try:
            return cls(store, manifest, Resolved.model_validate_json(manifest.resolved))
        except ValidationError:
            raise UserError(f"study {manifest.name} was made by another release of ceteris; use that release") from None

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def study_id(self) -> int:
        return self.manifest.study_id

    @property
    def instance(self) -> str:
        """A name of its own for files: differs for a study that was deleted and made again under the same name."""
        return instance_of(self.study_id, self.manifest.created_at)

    @property
    def definition(self) -> StudyDefinition:
        return self.resolved.definition

    @property
    def asked(self) -> StudyDefinition:
        return StudyDefinition.model_validate_json(self.manifest.definition)

    @property
    def depth(self) -> Depth:
        """How far the study is to go: one begun with --quick becomes a full one when a launch without it joins."""
        return "quick" if self.resolved.quick and not self._asked(ASKED_FULL) else "full"

    @property
    def wants_ablation(self) -> bool:
        """Whether some launch asked for the ablation."""
        return self._asked(ASKED_ABLATION)

    @property
    def deadline(self) -> float | None:
        """Seconds since 1970, on the clock of the database, by which the answer is wanted."""
        hours = self.resolved.hours
        return None if hours is None or self._asked(ASKED_OVERTIME) else self.manifest.created_at + 3600 * hours

    def ask(self, what: str, worker: str) -> None:
        """Ask the study for more than it was begun with: `ASKED_FULL`, `ASKED_ABLATION`."""
        self.store.measure_once(self.study_id, what, True, worker)

    def _asked(self, what: str) -> bool:
        return self._measurement(what) is True

    def rules(self) -> Rules | None:
        found = self._measurement("rules")
        return None if found is None else Rules.model_validate(found)

    def settled_rules(self) -> Rules:
        rules = self.rules()
        if rules is None:
            self.store.check(self.study_id)
            raise RuntimeError(f"{self.name}: delta and noise are asked for before the pilot settled them")
        return rules

    def verdict(self, stage: Stage, depth: Depth = "full") -> Verdict | None:
        key = f"verdict/{at_depth(self.definition.phase_name(stage), depth)}"
        if key not in self._known:
            self._known.update({f"verdict/{each.stage}": each for each in self.store.verdicts(self.study_id)})
        return self._known.get(key)

    def carried(self, stage: Stage, depth: Depth = "full") -> Recipe:
        """The recipe that the verdict of `stage` carries on."""
        verdict = self.verdict(stage, depth)
        if verdict is None:
            self.store.check(self.study_id)
            raise RuntimeError(f"{self.name}: stage {stage.name} is asked for its winner before its verdict")
        return read_recipe(verdict.recipe)

    def claim(self, stage: Stage) -> Claim | None:
        """What the sequential test of `stage` came to; None while it goes on."""
        found = self._measurement(f"claim/{self.definition.phase_name(stage)}")
        return None if found is None else Claim.model_validate(found)

    def test_report(self) -> TestReport | None:
        found = self._measurement("test/report")
        return None if found is None else TestReport.model_validate(found)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train: the headline is there, and so is all else that was asked for."""
        definition, depth = self.definition, self.depth
        if self.headline(depth) is None:
            return False
        claimed = not definition.budgets.beyond_finals or all(self.claim(stage) for stage in definition.stages)
        told = depth == "quick" or (claimed and not (self.wants_ablation and self.ablation() is None))
        return told and not any(done is None for _, done in self.retrainings())

    def answers(self, quick: bool, ablation: bool) -> bool:
        """Whether it is finished, also for a launch that asks so much of it."""
        more = (self.depth == "quick" and not quick) or (ablation and self.ablation() is None)
        return self.finished and not more

    def headline(self, depth: Depth = "full") -> Headline | None:
        found = self._measurement(at_depth("headline", depth))
        return None if found is None else Headline.model_validate(found)

    def retrainings(self) -> Iterator[tuple[Retraining, Retrained | None]]:
        """What was asked to be trained with the answer, in order, and what came of it; None while it goes on."""
        for number in count(1):
            if (asked := self._measurement(f"retrain/{number}/asked")) is None:
                return
            done = self._measurement(f"retrain/{number}/done")
            yield Retraining.model_validate(asked), None if done is None else Retrained.model_validate(done)

    def ablation(self) -> Ablation | None:
        found = self._measurement("ablation")
        return None if found is None else Ablation.model_validate(found)

    def _measurement(self, key: str) -> Any:
        if self._known.get(key) is None:
            self._known[key] = self.store.measurement(self.study_id, key)
        return self._known[key]


def at_depth(name: str, depth: Depth) -> str:
    """The name under which a study keeps what it concluded at `depth`, or what was set aside after it."""
    return name if depth == "full" else f"{name}.quick"

"""A stored study: its frozen definition and what has been measured and decided in it so far."""

from dataclasses import dataclass

from pydantic import ValidationError

from search.edge import UserError
from search.records import Claim, Headline, Resolved, Rules, TestReport
from spaces.stage import Stage
from spaces.study import StudyDefinition
from storage.rows import Manifest, Verdict
from storage.store import Store
from trainer.recipe import Recipe, read_recipe


@dataclass(frozen=True)
class Study:
    """`definition` is resolved: what is trained. `manifest.definition` is what was asked."""

    store: Store
    manifest: Manifest
    resolved: Resolved

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
        return f"{self.study_id}-{round(self.manifest.created_at * 1000):x}"

    @property
    def definition(self) -> StudyDefinition:
        return self.resolved.definition

    @property
    def asked(self) -> StudyDefinition:
        return StudyDefinition.model_validate_json(self.manifest.definition)

    def rules(self) -> Rules | None:
        found = self.store.measurement(self.study_id, "rules")
        return None if found is None else Rules.model_validate(found)

    def settled_rules(self) -> Rules:
        rules = self.rules()
        if rules is None:
            raise RuntimeError(f"{self.name}: delta and noise are asked for before the pilot settled them")
        return rules

    def verdict(self, stage: Stage) -> Verdict | None:
        name = self.definition.phase_name(stage)
        return next((v for v in self.store.verdicts(self.study_id) if v.stage == name), None)

    def carried(self, stage: Stage) -> Recipe:
        """The recipe that the verdict of `stage` carries on."""
        verdict = self.verdict(stage)
        if verdict is None:
            raise RuntimeError(f"{self.name}: stage {stage.name} is asked for its winner before its verdict")
        return read_recipe(verdict.recipe)

    def claim(self, stage: Stage) -> Claim | None:
        """What the sequential test of `stage` came to; None while it goes on."""
        found = self.store.measurement(self.study_id, f"claim/{self.definition.phase_name(stage)}")
        return None if found is None else Claim.model_validate(found)

    def test_report(self) -> TestReport | None:
        found = self.store.measurement(self.study_id, "test/report")
        return None if found is None else TestReport.model_validate(found)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train: the headline is there, and so are the claims that were asked for."""
        definition = self.definition
        if self.headline() is None:
            return False
        return not definition.budgets.beyond_finals or all(self.claim(stage) for stage in definition.stages)

    def headline(self) -> Headline | None:
        found = self.store.measurement(self.study_id, "headline")
        return None if found is None else Headline.model_validate(found)

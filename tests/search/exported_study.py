"""A study on digits that has its answer, from real runs in this process, and the model exported from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from search import conclusions, phases
from search.chosen import Chosen, choose
from search.exporting import export
from search.headline import headline_of
from search.records import as_json
from search.study import Study
from search.workplace import Workplace
from spaces.overrides import override
from storage.rows import RunRow
from tests.search.conftest import workplace
from tests.search.trials import RECIPE, claim, run_trial, screen_of
from trainer.recipe import Recipe

SHORT = RECIPE.model_copy(update={"epochs": 2, "plateau": None, "warmup_epochs": 0})


@dataclass(frozen=True)
class Answered:
    at: Workplace
    folder: Path  # of the exported model
    runs: Path  # a folder without any weights: they are in the database
    url: str

    @property
    def study(self) -> Study:
        return self.at.study

    @property
    def options(self) -> list[str]:
        return ["--storage", self.url, "--runs", str(self.runs)]

    def chosen(self, trial: str | None = None) -> Chosen:
        return choose(self.study, trial, self.at.checkpoints)

    def rows(self, phase: str = "confirm") -> list[RunRow]:
        return self.study.store.runs(self.study.study_id, phase)


@contextmanager
def answered(folder: Path, recipe: Recipe = SHORT, replicates: int = 3) -> Iterator[Answered]:
    """The baseline was confirmed, for there was nothing better; one screened run has been trained besides."""
    with workplace(folder) as made:
        at = replace(made, weights_in_db=2**26)
        definition = override(at.study.definition, (f"budgets.confirm={replicates}",))
        for phase in (screen_of(recipe), phases.confirm(definition, recipe, recipe)):
            for planned in phase.runs:
                run_trial(at, phase, claim(at, phase, planned))
        store, study_id = at.study.store, at.study.study_id
        headline = headline_of(store.runs(study_id, "confirm"))
        store.measure_once(study_id, "headline", as_json(headline), "test")
        conclusions.settle_test_report(at.study, "test")
        model = folder / "model"
        export(choose(at.study, None, at.checkpoints), model)
        yield Answered(at, model, folder / "elsewhere", f"sqlite:///{(folder / 'ceteris.db').as_posix()}")

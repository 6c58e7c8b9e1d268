"""What was sent in to a leaderboard, and what validation and test had said of it."""

from dataclasses import dataclass
from pathlib import Path

from search.chosen import named, recommended
from search.edge import UserError
from search.find import find_study
from search.folder import RunFolder
from search.study import Study
from storage.rows import RunRow
from storage.store import Store


@dataclass(frozen=True)
class Sent:
    study: Study
    words: str
    validation: float | None
    test: float | None


def sent_in(
    store: Store, name: str | None, trial: str | None, model: Path | None, ensemble: str | None, runs: Path
) -> Sent:
    """By default the run that the study recommends. Raises `UserError`, and ModelError for what is no model."""
    if model is not None:
        from trainer.exported import read  # torch takes seconds

        about = read(model).about
        if name is not None and about.study != name:
            raise UserError(f"{model} is a model of study {about.study}, not of {name}; leave --study out")
        study = find_study(store, about.study)
        if study.manifest.data_digest != about.data_digest:
            raise UserError(f"{model} was trained on other data than study {study.name} of this database")
        return Sent(study, about.trial, about.score, about.test_score)
    study = find_study(store, name)
    if ensemble is not None:
        from search import ensembles

        found = ensembles.named(RunFolder.at(study, runs), ensemble)
        return Sent(study, f"ensemble {found.name}", found.estimate.ensemble, found.test and found.test.ensemble)
    row = named(study, trial) if trial else recommended(study)[0]
    return Sent(study, f"{row.phase}#{row.number}", _validation(study, row), row.test_score)


def _validation(study: Study, row: RunRow) -> float | None:
    screens = {study.definition.phase_name(stage) for stage in study.definition.stages}
    return row.best_score if row.phase in screens else row.last_score

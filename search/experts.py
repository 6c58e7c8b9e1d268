"""Who is to answer: exported models, or what a study has trained."""

from collections.abc import Sequence
from pathlib import Path

from search import ensembles
from search.chosen import choose
from search.edge import UserError
from search.exporting import model_of
from search.find import find_study
from search.folder import RunFolder
from search.options import storage_url
from search.panel import Panel, of_ensemble, of_models
from search.study import Study
from storage.checkpoints import Checkpoints, checkpoints_at
from storage.store import Store
from trainer.exported import Model, read


def of_folders(folders: Sequence[Path]) -> Panel:
    """Without any database."""
    return of_models([read(folder) for folder in folders])


def of_study(
    storage: str | None, runs: Path, checkpoints: str | None, name: str | None, trial: str | None, ensemble: str | None
) -> Panel:
    """The recommended run of a study, a trial by name, or an ensemble, whose members may be of several studies."""
    store = Store.connect(storage_url(storage, runs))
    study = find_study(store, name)
    if ensemble is None:
        return of_models([model_of(choose(study, trial, _place(study, runs, checkpoints)))])
    studies = {study.name: study}

    def member(asked: ensembles.Member) -> Model:
        if asked.file is not None:
            raise UserError(
                f"ensemble {ensemble} holds the predictions of {asked.file}, which answers no other pictures; make one "
                "without them: python -m search.ensemble without --predictions"
            )
        of = studies.setdefault(asked.study, find_study(store, asked.study))
        return model_of(choose(of, f"{asked.phase}#{asked.trial}", _place(of, runs, checkpoints)))

    return of_ensemble(ensembles.named(RunFolder.at(study, runs), ensemble), member)


def _place(study: Study, runs: Path, checkpoints: str | None) -> Checkpoints:
    return checkpoints_at(checkpoints or RunFolder.at(study, runs).checkpoints, study.instance)

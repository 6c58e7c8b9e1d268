"""What a launch prints before the first trial and after the last, and what it leaves in the run folder."""

from collections.abc import Sequence
from pathlib import Path

import click

from search.answer import answer_lines
from search.folder import RunFolder
from search.plan import make_plan
from search.snapshot import Snapshot, take
from search.study import Study
from spaces.study import StudyDefinition
from trainer.data import Dataset
from trainer.recipe import read_recipe


def tell_plan(definition: StudyDefinition, dataset: Dataset, devices: Sequence[str], weights: Path | None) -> None:
    for line in make_plan(definition, dataset, devices, weights).lines():
        click.echo(line)


def tell_answer(study: Study, folder: RunFolder) -> None:
    """Print the answer and keep it, the recommended recipe and its weights in the run folder."""
    snapshot = take(study)
    lines = answer_lines(snapshot)
    for line in lines:
        click.echo(line)
    folder.write_text("answer.txt", "\n".join(lines) + "\n")
    if snapshot.headline is None:
        return
    recipe = read_recipe(snapshot.headline.recipe)
    folder.write_json("recipe.json", recipe.model_dump(mode="json"))
    kept = keep_best_weights(snapshot, folder)
    click.echo(f"  kept in {folder.path}: answer.txt, recipe.json{', ' + kept.name if kept else ''}")


def keep_best_weights(snapshot: Snapshot, folder: RunFolder) -> Path | None:
    """The averaged weights of the recommended recipe's best confirmed replicate, if this server trained it."""
    headline, store = snapshot.headline, snapshot.study.store
    if headline is None:
        return None
    rows = [row for row in snapshot.runs if row.phase == "confirm" and row.recipe == headline.recipe and row.last_score]
    for row in sorted(rows, key=lambda row: -(row.last_score or 0.0)):
        for checkpoint in store.checkpoints(row.trial_id):
            source = folder.checkpoints / Path(*checkpoint.location.split("/"))
            if checkpoint.kind == "final" and source.is_file():
                backbone = read_recipe(row.recipe).backbone
                return folder.keep_weights(source, "confirm", headline.answer, backbone, row.last_score or 0.0)
    return None

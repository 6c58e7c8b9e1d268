"""What a launch prints after the last trial, and what it leaves in the run folder."""

from pathlib import Path

import click

from search import conclusions
from search.answer import answer_lines
from search.folder import RunFolder
from search.snapshot import Snapshot, take
from search.study import Study
from search.weights import find
from storage.checkpoints import Checkpoints
from trainer.recipe import read_recipe


def tell_answer(study: Study, folder: RunFolder, checkpoints: Checkpoints) -> None:
    """Print the answer and keep it, the recommended recipe and its weights in the run folder."""
    conclusions.settle_test_report(study, "launcher")  # a worker that was stopped at that moment has not
    snapshot = take(study)
    lines = answer_lines(snapshot)
    for line in lines:
        click.echo(line)
    folder.write_text("answer.txt", "\n".join(lines) + "\n")
    if snapshot.headline is None:
        return
    recipe = read_recipe(snapshot.headline.recipe)
    folder.write_json("recipe.json", recipe.model_dump(mode="json"))
    kept = keep_best_weights(snapshot, folder, checkpoints)
    files = ", ".join(["answer.txt", "recipe.json", *([str(kept.relative_to(folder.path))] if kept else [])])
    missing = "" if kept else " (its weights are on another server: python -m search.pull names it)"
    click.echo(f"  kept in {folder.path}: {files}{missing}")


def keep_best_weights(snapshot: Snapshot, folder: RunFolder, checkpoints: Checkpoints) -> Path | None:
    """The averaged weights of the recommended recipe's best confirmed replicate, from here or from the database."""
    headline = snapshot.headline
    if headline is None:
        return None
    rows = [row for row in snapshot.runs if row.phase == "confirm" and row.recipe == headline.recipe and row.last_score]
    for row in sorted(rows, key=lambda row: -(row.last_score or 0.0)):
        found = find(snapshot.study, row, checkpoints)
        if found is None or found.payload is None:  # trained on another server, or deleted by hand
            continue
        recipe = read_recipe(row.recipe)
        metric = {"macro_f1": "f1", "accuracy": "acc"}.get(recipe.metric, recipe.metric)
        name = f"confirm-{headline.answer}_{recipe.backbone_name}_{metric}-{row.last_score:.4f}.pt"
        return folder.keep_weights(found.payload, name)
    return None

"""The weights that a study leaves in its run folder: each stage's winner and the recommended recipe, as safetensors."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from search.folder import RunFolder, file_name
from search.snapshot import Snapshot, StageLine
from search.weights import find
from storage.checkpoints import Checkpoints
from storage.rows import CheckpointKind, RunRow
from trainer.recipe import read_recipe

SHORT = {"macro_f1": "f1", "accuracy": "acc"}


def keep_best_weights(snapshot: Snapshot, folder: RunFolder, checkpoints: Checkpoints) -> list[Path]:
    """Of each stage's winner and, last, of the recommended recipe: the averaged weights of its best replicate.

    From where this server's checkpoints lie, or from the database. A file that is there is not written again.
    """
    kept = []
    for name, choices in _wanted(snapshot):
        for row, kind, score in choices:
            found = find(snapshot.study, row, checkpoints)
            if found is None or found.payload is None or found.row.kind != kind:
                continue  # on another server, or no longer kept
            target = folder.weights / weights_name(name, row, score)
            if not target.is_file():
                target = folder.keep_weights(as_safetensors(found.payload, snapshot, row, score), target.name)
            kept.append(target)
            break
    return kept


def weights_name(name: str, row: RunRow, score: float) -> str:
    """`2-loss-focal_2_resnet18_f1-0.912.safetensors`, at most 120 characters that every file system takes."""
    recipe = read_recipe(row.recipe)
    measure = SHORT.get(recipe.metric, recipe.metric)[:24]
    model = file_name(recipe.backbone_name)[:24]
    return f"{file_name(name)[:50].rstrip('._ ')}_{model}_{measure}-{score:.3f}.safetensors"


def as_safetensors(payload: bytes, snapshot: Snapshot, row: RunRow, score: float) -> bytes:
    """Weights as they were saved while training, as safetensors; recipe, classes and score are in the metadata."""
    import torch
    from safetensors.torch import save

    state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    facts = {
        "study": snapshot.study.name,
        "trial": f"{row.phase}#{row.number}",
        "score": round(score, 6),
        "recipe": json.loads(row.recipe),
        "classes": snapshot.study.resolved.data.classes,
    }
    # One entry: several would be written in any order, and the same weights in other bytes on every server.
    told = {"ceteris": json.dumps(facts, ensure_ascii=False, sort_keys=True)}
    return save({name: tensor.contiguous().clone() for name, tensor in state.items()}, metadata=told)


Choice = tuple[RunRow, CheckpointKind, float]


def _wanted(snapshot: Snapshot) -> Iterator[tuple[str, Sequence[Choice]]]:
    """What a file is called, and the runs whose weights would do, the best one first."""
    for line in snapshot.stages:
        if line.verdict is not None:
            yield f"{line.name}-{line.verdict.value}", _of_winner(line, line.verdict.value, line.verdict.recipe)
    headline = snapshot.headline
    if headline is not None:
        rows = [row for row in snapshot.runs if row.phase == "confirm" and row.recipe == headline.recipe]
        yield f"confirm-{headline.answer}", _ranked(rows, "final")


def _of_winner(line: StageLine, value: str, recipe: str) -> list[Choice]:
    """The finals first: their scores are fair. A winner that never met anybody else has those of the screen."""
    finals = [row for row in line.finals if row.label == value and row.recipe == recipe]
    screen = [row for row in line.screen if row.label == value and row.recipe == recipe]
    return [*_ranked(finals, "final"), *_ranked(screen, "best")]


def _ranked(rows: Sequence[RunRow], kind: CheckpointKind) -> list[Choice]:
    scored = [(row, row.last_score if kind == "final" else row.best_score) for row in rows]
    there: list[Choice] = [(row, kind, score) for row, score in scored if score]
    return sorted(there, key=lambda choice: (-choice[2], choice[0].number))

"""What a recommended recipe is worth: trained anew, by one trainer for all, on replicates that no search has seen."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.contestants.task import Answer
from search.resolve import geometry_of
from spaces.domain import Augments, Losses
from spaces.study import StudyDefinition
from trainer.data import load, open_source
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run

FIRST = 900_000  # replicates: of a study seed that nobody takes


@dataclass(frozen=True)
class Worth:
    mean: float  # accuracy on the test part, over recommendations and replicates
    deviation: float


def recipe_of(answer: Answer, definition: StudyDefinition) -> Recipe:
    """The study's baseline with the recommended learning rate, loss and augmentation."""
    named = {
        choice.kind: choice
        for stage in definition.stages
        if isinstance(stage.domain, (Losses, Augments))
        for choice in stage.domain.choices
    }
    changed = {"lr": answer.lr, "loss": named[answer.loss], "augment": named[answer.augment]}
    return definition.baseline.model_copy(update=changed)


def worth(recipes: Sequence[Recipe], data: Path, test_fraction: float, replicates: int, device: str) -> Worth:
    """Each recipe on equally many replicates; a run that diverges counts as 0."""
    dataset = load(open_source(str(data)), geometry_of(recipes[0]), test_fraction).to(torch.device(device))
    rows, labels = dataset.test.open(lambda who, why: None, "benchmark", "judge what a search recommends")
    scores = []
    for recipe in recipes:
        for number in range(replicates):
            run = Run(recipe, Replicate.numbered(FIRST + number), dataset, dataset.device)
            for _ in run:
                pass
            scores.append(run.score_on(rows, labels) if run.last else 0.0)
    return Worth(statistics.mean(scores), statistics.stdev(scores) if len(scores) > 1 else 0.0)

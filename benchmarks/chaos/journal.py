"""Runs that keep a journal of every epoch that anybody trained, whatever became of it; and one that only sleeps."""

import hashlib
import math
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search.workplace import Workplace
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Epoch, Examined, Run
from trainer.schedule import decay_reason, phase_of

Begin = Callable[[Recipe, Replicate, Workplace], Run]


def begins(kind: str, journal: Path, seconds: float) -> Begin:
    """What makes the runs of a worker: `sleeping` ones of `seconds` per epoch, or `training` ones."""

    def begin(recipe: Recipe, replicate: Replicate, at: Workplace) -> Run:
        if kind == "sleeping":
            return SleepingRun(recipe, replicate, seconds, journal)
        return TrainingRun(recipe, replicate, at, journal)

    return begin


def _note(journal: Path, run: Run) -> None:
    line = f"{run.recipe.signature} {run.replicate.number} {len(run.epochs)} {os.getpid()}\n"
    with journal.open("a", encoding="utf-8") as stream:  # short lines: each is one write
        stream.write(line)


def read(journal: Path) -> Counter[tuple[str, int]]:
    """(signature, replicate) -> epochs that anybody began."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    return Counter((words[0], int(words[1])) for words in map(str.split, lines))


class TrainingRun(Run):
    def __init__(self, recipe: Recipe, replicate: Replicate, at: Workplace, journal: Path) -> None:
        super().__init__(recipe, replicate, at.data, at.device, files=at.files, nets=at.nets)
        self._journal = journal

    def __next__(self) -> Epoch:
        epoch = super().__next__()
        _note(self._journal, self)
        return epoch


class SleepingRun(Run):
    """Looks like a run from outside: its scores are a function of recipe, seed and epoch."""

    def __init__(self, recipe: Recipe, replicate: Replicate, seconds: float, journal: Path | None = None) -> None:
        self.recipe, self.replicate = recipe, replicate
        self.epochs: list[Epoch] = []
        self._seconds, self._journal = seconds, journal

    def __next__(self) -> Epoch:
        if self.stop:
            raise StopIteration
        time.sleep(self._seconds)
        number, constant = len(self.epochs) + 1, len(self.constant_scores)
        if not decay_reason(self.constant_scores, self.recipe):
            constant = number
        phase = phase_of(number, constant, self.recipe)
        score = self._score(number)
        self.epochs.append(Epoch(number, phase, self.recipe.lr, 1 - score, 1 - score, score, self._seconds, 100))
        if self._journal is not None:
            _note(self._journal, self)
        return self.epochs[-1]

    def _score(self, number: int) -> float:
        """Best at a learning rate of 0.002, better with every epoch, with a little luck."""
        drawn = hashlib.sha256(f"{self.recipe.signature}/{self.replicate.seed}/{number}".encode()).digest()
        luck = int.from_bytes(drawn[:4], "big") / 2**32
        height = 0.95 - 0.05 * abs(math.log(self.recipe.lr / 0.002))
        return max(0.0, height * (1 - 0.5**number) + 0.01 * luck)

    def averaged_weights(self) -> dict[str, Tensor]:
        return {"weights": torch.tensor([self.epochs[-1].score])}

    def best_weights(self) -> dict[str, Tensor]:
        return self.averaged_weights()

    def examined_on(self, rows: Tensor, labels: Tensor) -> Examined:
        return Examined(self.epochs[-1].score, labels.clone(), torch.full((len(labels), 10), 0.1))

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.5,), (0.5,)

    @property
    def validation_index(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        return torch.arange(10)

    def validation_probabilities(self) -> Tensor:
        return torch.full((10, 2), 0.5)

    def best_probabilities(self) -> Tensor:
        return self.validation_probabilities()

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": [vars(epoch) for epoch in self.epochs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]

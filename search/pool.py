"""The answers of everything that may be combined, side by side, on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search import predictions
from search.edge import UserError
from search.members import Basis, Entry, Group, words
from search.outside import Outside
from search.predictions import Predictions

Ints = NDArray[np.int64]
Answers = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """What answers as one. `group` is empty for predictions from outside."""

    label: str
    group: Group
    rows: Ints  # [n] of the dataset, ascending
    answers: Answers  # [n, classes], each by a run that was not trained on the image
    tests: Answers | None  # [folds, m, classes] on the test part; None where they are not kept


@dataclass(frozen=True)
class Pool:
    """Contenders that answer the same question about the same images; `labels` [n] are of these."""

    target: str | None
    classes: tuple[str, ...]
    labels: Ints
    contenders: tuple[Contender, ...]

    @cached_property
    def answers(self) -> Answers:
        """[contenders, n, classes]"""
        return np.stack([contender.answers for contender in self.contenders])

    @cached_property
    def tests(self) -> Answers | None:
        """[folds, contenders, m, classes]; None unless all have them."""
        found = [each.tests for each in self.contenders]
        return None if any(each is None for each in found) else np.stack([t for t in found if t is not None], axis=1)


def contenders(basis: Basis, outside: Sequence[Outside] = ()) -> list[Contender]:
    """In the order of the studies. Raises `UserError` when they do not answer for the same images, which is where one
    was trained on what another is scored on."""
    groups = [group for each in basis.groups for group in each]
    kept = [[_kept(entry) for entry in group] for group in groups]
    for group, answers in zip(groups, kept, strict=True):
        for fold, (entry, mine) in enumerate(zip(group, answers, strict=True)):
            refuse_leak(groups[0][fold], kept[0][fold].rows, entry, mine.rows)
    found = [_contender(group, answers) for group, answers in zip(groups, kept, strict=True)]
    tests = next((_test(group) for group in groups if all(entry.has_test for entry in group)), None)
    rows = None if tests is None else tests[0].rows
    return [*found, *(_from_outside(each, found[0].rows, rows, len(groups[0])) for each in outside)]


def refuse_leak(one: Entry, rows: Ints, other: Entry, others: Ints) -> None:
    """Raises `UserError` unless both runs were validated on the same images: those of `rows` that are not among
    `others` were trained on by `other`."""
    if len(rows) == len(others) and (rows == others).all():
        return
    seen = len(np.setdiff1d(rows, others)) or len(np.setdiff1d(others, rows))
    raise UserError(
        f"{other.name} and {one.name} have other folds: one was trained on {seen} of the images that the other is "
        f"scored on; combine runs of one split, of studies with equal seed, folds and test part"
    )


def _kept(entry: Entry) -> Predictions:
    found = predictions.read(entry.study, entry.row.trial_id)
    if found is None:
        raise UserError(f"the answers of {entry.name} were deleted at this moment; the same line leaves it out")
    order = np.argsort(found.rows)
    return Predictions(found.rows[order], found.probabilities[order], found.epoch)


def _test(group: Group) -> list[Predictions]:
    found = [predictions.read(entry.study, entry.row.trial_id, "test") for entry in group]
    return [each for each in found if each is not None]


def _contender(group: Group, kept: Sequence[Predictions]) -> Contender:
    rows = np.concatenate([each.rows for each in kept])
    order = np.argsort(rows)
    answers = np.concatenate([each.probabilities for each in kept])[order].astype(np.float64)
    tests = _test(group)
    whole = np.stack([each.probabilities for each in tests]).astype(np.float64) if len(tests) == len(group) else None
    return Contender(words(group), group, rows[order], answers, whole)


def _from_outside(outside: Outside, rows: Ints, test: Ints | None, folds: int) -> Contender:
    tested = None if test is None else outside.at(test)
    tests = None if tested is None else np.stack([tested] * folds)
    return Contender(outside.name, (), rows, outside.required(rows), tests)

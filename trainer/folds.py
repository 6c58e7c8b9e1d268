"""Cutting labelled, possibly grouped images in two: stratified by label, never through a group, the same everywhere."""

import warnings
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from trainer.replicate import Replicate
from trainer.sources.source import DataError

Indices = NDArray[np.int64]
_TEST_SEED = 0  # not a study's: no two studies on one data set may disagree about what is test


def cut(labels: Indices, groups: Indices | None, replicate: Replicate) -> tuple[Indices, Indices]:
    """(train, validation) indices, sorted, disjoint, together all: part `fold` of `folds`, shuffled by `split_seed`."""
    parts = list(_parts(labels, groups, replicate.folds, replicate.split_seed))
    validation = parts[replicate.fold]
    return _without(validation, len(labels)), validation


def hold_out(labels: Indices, groups: Indices | None, fraction: float) -> tuple[Indices, Indices]:
    """(development, test) indices, sorted; a function of the data and the fraction only, 0 < fraction <= 1/2."""
    if not 0 < fraction <= 0.5:
        raise DataError(f"test fraction {fraction:g} is out of range: use one above 0 and up to 0.5, such as 0.1667")
    share = Fraction(fraction).limit_denominator(50)  # 1/6: one part of six is the test
    if share == 0:
        raise DataError(f"test fraction {fraction:g} is too small: use 0.02 or more")
    parts = list(_parts(labels, groups, share.denominator, _TEST_SEED))
    test = np.sort(np.concatenate(parts[: share.numerator]))
    return _without(test, len(labels)), test


def _parts(labels: Indices, groups: Indices | None, count: int, seed: int) -> Iterator[Indices]:
    """`count` disjoint parts, none empty, together all."""
    largest = int(np.bincount(labels).max())
    if largest < count:
        raise DataError(f"the largest class has {largest} images left and they are cut {count} ways: add images")
    if groups is not None and len(np.unique(groups)) < count:
        raise DataError(f"there are {len(np.unique(groups))} groups left and they are cut {count} ways: add groups")
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer images than parts is allowed
        for _, part in splitter(count, shuffle=True, random_state=seed).split(labels, labels, groups):
            if not len(part):
                raise DataError(f"the groups are too uneven to be cut {count} ways: split the largest or add groups")
            yield np.sort(part).astype(np.int64)


def _without(part: Indices, count: int) -> Indices:
    return np.setdiff1d(np.arange(count, dtype=np.int64), part, assume_unique=True)

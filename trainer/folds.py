"""Cutting labelled, possibly grouped images in two: stratified, never through a group, the same on every machine."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from trainer.replicate import Replicate
from trainer.sources.source import DataError, Source

Indices = NDArray[np.int64]
_TEST_SEED = 0  # not a study's: no two studies on one data set may disagree about what is test
_TRIES = 8  # cuts drawn of few groups, the evenest of which is taken
_FEW = 500  # groups; more are dealt out evenly at the first try
_UNIT = 2**36  # shares are counted in whole numbers: sums of floats may differ between machines


def cut(strata: Indices, groups: Indices | None, replicate: Replicate) -> tuple[Indices, Indices]:
    """(train, validation) indices, sorted, disjoint, together all: part `fold` of `folds`, shuffled by `split_seed`."""
    validation = parts_of(strata, groups, replicate.folds, replicate.split_seed)[replicate.fold]
    return _without(validation, len(strata)), validation


def hold_out(source: Source, fraction: float) -> tuple[Indices, Indices]:
    """(development, test) rows, sorted; a function of the data and the fraction only, 0 < fraction <= 1/2.

    Where the data come with a test split of their own, that is the test and the fraction is not looked at. DataError
    when it holds everything or nothing, or when a group stands on both of its sides. Where a class has too few groups
    for both sides, it is rather learned than tested.
    """
    if source.official_test is not None:
        return _official(source, source.official_test)
    if not 0 < fraction <= 0.5:
        raise DataError(f"test fraction {fraction:g} is out of range: use one above 0 and up to 0.5, such as 0.1667")
    share = Fraction(fraction).limit_denominator(50)  # 1/6: one part of six is the test
    if share == 0:
        raise DataError(f"test fraction {fraction:g} is too small: use 0.02 or more")
    strata = source.labels if source.strata is None else source.strata
    parts = parts_of(strata, source.groups, share.denominator, _TEST_SEED)
    starts = range(0, share.denominator - share.numerator + 1, share.numerator)
    candidates = [np.sort(np.concatenate(parts[start : start + share.numerator])) for start in starts]
    test = min(candidates, key=lambda rows: _unfitness(strata, rows, share))  # the first of equals
    return _without(test, len(source)), test


def parts_of(strata: Indices, groups: Indices | None, count: int, seed: int) -> list[Indices]:
    """`count` disjoint sorted parts, none empty, together all; no group stands in two. DataError where that cannot be.

    Every stratum is spread as evenly as its groups allow, however few images it has.
    """
    largest = int(np.unique(strata, return_counts=True)[1].max(initial=0))
    if largest < count:
        raise DataError(f"the largest class has {largest} images left and they are cut {count} ways: add images")
    if groups is None:
        return _ungrouped(strata, count, seed)
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < count:
        raise DataError(f"there are {len(names)} groups left and they are cut {count} ways: add groups")
    place = _dealt(_contents(strata, group), count, seed)[group]
    return [np.flatnonzero(place == part) for part in range(count)]


def _ungrouped(strata: Indices, count: int, seed: int) -> list[Indices]:
    """The parts of scikit-learn's StratifiedKFold, shuffled; loading that takes a worker longer than this function.

    The rows in order of stratum are dealt out in turn; who of a stratum goes where is drawn. Strata are drawn for in
    the order in which they first appear.
    """
    luck = np.random.RandomState(seed)  # its stream is frozen for good (NEP 19)
    names, first, stratum = np.unique(strata, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[stratum]
    in_order = np.sort(rank)
    shares = [np.bincount(in_order[part::count], minlength=len(names)) for part in range(count)]
    place = np.empty(len(strata), dtype=np.int64)
    for number, share in enumerate(np.transpose(shares)):
        dealt = np.arange(count).repeat(share)
        luck.shuffle(dealt)
        place[rank == number] = dealt
    return [np.flatnonzero(place == part) for part in range(count)]


def _contents(strata: Indices, group: Indices) -> Indices:
    """[groups, strata + 1]: images of each stratum in each group; the last column counts all."""
    names, stratum = np.unique(strata, return_inverse=True)
    contents = np.zeros((group.max() + 1, len(names) + 1), dtype=np.int64)
    np.add.at(contents, (group, stratum), 1)
    contents[:, -1] = contents.sum(axis=1)
    return contents


def _dealt(contents: Indices, count: int, seed: int) -> Indices:
    """[groups]: the part of each. Of several drawn cuts the one that leaves fewest strata out, then the evenest.

    scikit-learn's StratifiedGroupKFold deals groups of different sizes in one order whatever its seed, and orders them
    by sums of floats; here another seed is another cut, the same everywhere.
    """
    luck = np.random.RandomState(seed)  # its stream is frozen for good (NEP 19)
    weights = _UNIT // contents.sum(axis=0)  # an image of a rare stratum weighs more
    best, least = np.zeros(len(contents), dtype=np.int64), None
    for _ in range(_TRIES if len(contents) <= _FEW else 1):
        place, parts = _deal(contents, weights, count, luck)
        unevenness = int((parts == 0).sum()), int((parts * parts * weights).sum())
        if least is None or unevenness < least:
            best, least = place, unevenness
    return best


def _deal(contents: Indices, weights: Indices, count: int, luck: np.random.RandomState) -> tuple[Indices, Indices]:
    """Large groups before small ones, each to the part that has least of what it holds."""
    order = luck.permutation(len(contents))
    magnitude = np.array([int(size).bit_length() for size in contents[order, -1]])  # about equal sizes in any order
    ties = luck.permutation(count)
    place = np.zeros(len(contents), dtype=np.int64)
    parts = np.zeros((count, contents.shape[1]), dtype=np.int64)
    for group in order[np.argsort(-magnitude, kind="stable")]:
        crowding = parts @ (weights * contents[group])  # 0 for an empty part only: none stays empty
        place[group] = ties[np.argmin(crowding[ties])]
        parts[place[group]] += contents[group]
    return place, parts


def _unfitness(strata: Indices, test: Indices, share: Fraction) -> tuple[int, int, Fraction]:
    """(strata not to be learned, strata not to be tested, images too many or too few), were `test` the test part."""
    every, tested = set(strata.tolist()), set(strata[test].tolist())
    learned = set(np.delete(strata, test).tolist())
    return len(every - learned), len(every - tested), abs(len(test) - share * len(strata))


def _official(source: Source, is_test: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    development, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    if not len(development) or not len(test):
        side = "development" if not len(development) else "test"
        raise DataError(f"the test split that comes with {source.name} leaves no image for {side}: mend or remove it")
    if source.groups is not None:
        torn = np.intersect1d(source.groups[development], source.groups[test])
        if len(torn):
            here, there = (rows[source.groups[rows] == torn[0]][0] for rows in (development, test))
            raise DataError(
                f"{len(torn)} group{'s' if len(torn) != 1 else ''} of {source.name} stand on both sides of its test "
                f"split, such as that of {source.names[here]} (development) and {source.names[there]} (test): move "
                "them to one side, or remove the split"
            )
    return development, test


def _without(part: Indices, count: int) -> Indices:
    return np.setdiff1d(np.arange(count, dtype=np.int64), part, assume_unique=True)

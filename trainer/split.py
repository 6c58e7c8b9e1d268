"""An honest look at how the images of a source are split: who is on which side, and which classes are missing where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.folds import Indices, cut, hold_out
from trainer.replicate import Replicate
from trainer.sources.source import Source
from trainer.sources.wording import shown
from trainer.tables import aligned, span

_DOMINANT = 0.2  # share of the images from which one group is said to dominate
_NAMED = 4  # classes named in one line; the others are counted


@dataclass(frozen=True)
class Side:
    """`counts` [classes] images of each class; `groups` None where the data declare none."""

    images: int
    groups: int | None
    counts: tuple[int, ...]


@dataclass(frozen=True)
class SplitReport:
    """`folds` holds (training, validation) of each fold of one replicate's split of the development part."""

    name: str
    class_names: tuple[str, ...]
    official: bool
    whole: Side
    development: Side
    test: Side
    folds: tuple[tuple[Side, Side], ...]
    largest_group: int  # images; 1 without groups
    spread: tuple[int, ...]  # [classes] groups that hold the class in the development part; images without groups

    @property
    def smallest_class(self) -> tuple[str, int]:
        """Of the classes that have any image."""
        count, name = min((n, name) for n, name in zip(self.whole.counts, self.class_names, strict=True) if n)
        return name, count

    @property
    def missing_from_test(self) -> tuple[str, ...]:
        return self._named(c for c, n in enumerate(self.whole.counts) if n and not self.test.counts[c])

    @property
    def only_in_test(self) -> tuple[str, ...]:
        return self._named(c for c, n in enumerate(self.whole.counts) if n and not self.development.counts[c])

    @property
    def not_in_every_fold(self) -> tuple[str, ...]:
        """Classes of the development part that some validation part lacks."""
        lacking = [
            c for c, n in enumerate(self.development.counts) if n and not all(v.counts[c] for _, v in self.folds)
        ]
        return self._named(lacking)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes a score less sure or less honest than it looks, one line each."""
        folds, groups, found = len(self.folds), self.development.groups, []
        if groups is not None and groups < 2 * folds:
            found.append(
                f"{groups} groups are few for {folds} folds: a score hangs on which groups are validated on; "
                "trust differences over all folds only"
            )
        if self.whole.groups is not None and self.largest_group > _DOMINANT * self.whole.images:
            share = round(100 * self.largest_group / self.whole.images)
            found.append(f"one group holds {self.largest_group:,} of {self.whole.images:,} images ({share} %)")
        found += self._about_classes(folds)
        return tuple(found)

    def _about_classes(self, folds: int) -> list[str]:
        found = []
        unit = "image" if self.development.groups is None else "group"
        units = dict(zip(self.class_names, self.spread, strict=True))
        if alone := [name for name in self.class_names if units[name] == 1]:
            found.append(f"never trained on and validated on at once, for there is one {unit} only: {_listed(alone)}")
        if rare := [name for name in self.not_in_every_fold if units[name] > 1]:
            few = [f"{name} ({units[name]} {unit}s)" for name in rare]
            found.append(f"not in the validation part of every one of the {folds} folds: {_listed(few)}")
        if self.missing_from_test:
            found.append(f"not in the test part: {_listed(self.missing_from_test)}")
        if self.only_in_test:
            found.append(f"in the test part only, so that it cannot be learned: {_listed(self.only_in_test)}")
        return found

    def headline(self) -> tuple[str, str]:
        """Two lines: what there is, and how it is split."""
        present = sum(1 for count in self.whole.counts if count)
        name, count = self.smallest_class
        grouped = self.whole.groups is not None
        groups = f"{self.whole.groups:,} groups" if grouped else "no groups declared"
        empty = len(self.class_names) - present
        of_classes = f"{present} classes of {count:,} ({shown(name)}) to {max(self.whole.counts):,} images"
        without = f"; {empty} classes have none" if empty else ""
        how = "as the data say" if self.official else "held out by group" if grouped else "held out"
        validated = span([validation.images for _, validation in self.folds])
        return (
            f"{self.whole.images:,} images, {groups}, {of_classes}{without}",
            f"test {_side(self.test)}, {how}; {len(self.folds)} folds, each validated on {validated} images",
        )

    def lines(self) -> tuple[str, ...]:
        """Headline, table and warnings, about a dozen lines however many classes and folds there are."""
        sides = {
            "test": [self.test],
            "development": [self.development],
            "  training, by fold": [training for training, _ in self.folds],
            "  validation, by fold": [validation for _, validation in self.folds],
        }
        table = [("", "images", "groups", "images of a class")]
        table += [
            (
                name,
                span([side.images for side in several]),
                span([side.groups for side in several if side.groups is not None]),
                span([count for side in several for count in self._of_present(side)]),
            )
            for name, several in sides.items()
        ]
        return (*self.headline(), *aligned(table), *(f"warning: {warning}" for warning in self.warnings))

    def classes(self) -> tuple[str, ...]:
        """A table of every class: its images in all, in the test part, and validated on in each fold."""
        head = ("class", "images", "test", *(f"fold {number}" for number in range(len(self.folds))))
        columns = [self.class_names, self.whole.counts, self.test.counts, *(v.counts for _, v in self.folds)]
        rows = zip(*columns, strict=True)
        return aligned([head, *((shown(name), *(f"{count:,}" for count in counts)) for name, *counts in rows)])

    def _of_present(self, side: Side) -> list[int]:
        return [count for count, whole in zip(side.counts, self.whole.counts, strict=True) if whole]

    def _named(self, classes: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.class_names[c] for c in classes)


def split_report(source: Source, folds: int, test_fraction: float, replicate: int = 0) -> SplitReport:
    """How `source` is split for the replicates that share the split of `replicate`. DataError if it cannot be."""
    development, test = hold_out(source, test_fraction)
    strata = (source.labels if source.strata is None else source.strata)[development]
    groups = None if source.groups is None else source.groups[development]
    seed = Replicate.numbered(replicate, folds).split_seed
    cuts = [cut(strata, groups, Replicate(0, seed, fold, folds, 0)) for fold in range(folds)]

    def side(rows: Indices) -> Side:
        here = None if source.groups is None else len(np.unique(source.groups[rows]))
        return Side(
            len(rows), here, tuple(np.bincount(source.labels[rows], minlength=len(source.class_names)).tolist())
        )

    every = np.arange(len(source))
    return SplitReport(
        name=source.name,
        class_names=source.class_names,
        official=source.official_test is not None,
        whole=side(every),
        development=side(development),
        test=side(test),
        folds=tuple((side(development[train]), side(development[validation])) for train, validation in cuts),
        largest_group=1 if source.groups is None else int(np.unique(source.groups, return_counts=True)[1].max()),
        spread=_spread(source, development),
    )


def _spread(source: Source, rows: Indices) -> tuple[int, ...]:
    """[classes]: in how many groups each class stands; in how many images without groups."""
    labels, units = source.labels[rows], rows if source.groups is None else source.groups[rows]
    pairs: NDArray[np.int64] = np.unique(np.stack([labels, units]), axis=1)
    return tuple(np.bincount(pairs[0], minlength=len(source.class_names)).tolist())


def _side(side: Side) -> str:
    return f"{side.images:,} images" if side.groups is None else f"{side.images:,} images of {side.groups:,} groups"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(shown(name) for name in names[:_NAMED]) + (f" and {more} more" if more > 0 else "")

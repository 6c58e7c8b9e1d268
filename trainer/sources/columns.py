"""From columns of text to columns of numbers, with the checks that every kind of data needs."""

import re
from collections.abc import Sequence

import numpy as np

from trainer.sources.source import DataError, Flags, Numbers
from trainer.sources.wording import counted, listed, shown

DEVELOPMENT, TEST, VALIDATION = "development", "test", "validation"
SPLIT_WORDS = {
    "train": DEVELOPMENT,
    "training": DEVELOPMENT,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def numbered(texts: Sequence[str], order: Sequence[str] | None = None) -> Numbers:
    """[N], the place of each text in `order`, by default the different texts sorted by code point."""
    places = {text: place for place, text in enumerate(order if order is not None else sorted(set(texts)))}
    return np.array([places[text] for text in texts], dtype=np.int64)


def class_order(texts: Sequence[str]) -> tuple[str, ...]:
    """The different texts: by number if all are whole numbers, else by code point."""
    different = sorted(set(texts))
    whole = all(re.fullmatch(r"[+-]?[0-9]+", text) for text in different)
    return tuple(sorted(different, key=int) if whole else different)


def official(words: Sequence[str]) -> tuple[Flags | None, tuple[str, ...]]:
    """(which are test, notes) from one word of `SPLIT_WORDS` each; None where the words name no test part."""
    sides = [SPLIT_WORDS[word.lower()] for word in words]
    test = np.array([side == TEST for side in sides], dtype=np.bool_)
    joined = sides.count(VALIDATION)
    notes = (
        (f"{counted(joined, 'image')} of the official validation part are trained on too: folds are cut here",)
        if joined
        else ()
    )
    if not test.any():
        return None, (*notes, "the official split names no test part: one is held out as for data without a split")
    return test, (*notes, f"the official test part is used: {test.sum():,} of {counted(len(sides), 'image')}")


def check_classes(where: str, class_names: Sequence[str], labels: Numbers, test: Flags | None = None) -> None:
    """DataError unless there are two classes, each with two images to train and validate on."""
    if len(class_names) < 2:
        raise DataError(f"{where} holds one class only, {shown(class_names[0])}: at least 2 are needed")
    counts = np.bincount(labels if test is None else labels[~test], minlength=len(class_names))
    outside = "" if test is None else " outside the official test part"
    few = [name for name, count in zip(class_names, counts, strict=True) if count < 2]
    if few:
        total = counted(len(class_names), "class", "classes")
        raise DataError(
            f"{where}: {len(few)} of {total} {'has' if len(few) == 1 else 'have'} less than 2 images{outside}, "
            f"none is left to validate on: {listed(few)}; add images, or remove these labels"
        )


def check_groups(where: str, groups: Sequence[str] | None, test: Flags | None) -> None:
    """DataError if an image of the official test part has a group that is trained on too."""
    if groups is None or test is None:
        return
    sides = [{group for group, held in zip(groups, test, strict=True) if bool(held) is side} for side in (False, True)]
    both = sorted(sides[0] & sides[1])
    if both:
        stand = "group stands" if len(both) == 1 else "groups stand"
        raise DataError(
            f"{where}: {len(both)} {stand} on both sides of the official split: {listed(both)}; move each to one side, "
            "or leave out the groups or the split"
        )


def group_notes(groups: Sequence[str] | None) -> tuple[str, ...]:
    """What makes declared groups useless, if anything."""
    if groups is not None and len(set(groups)) == len(groups):
        return ("every image is a group of its own: the groups change nothing",)
    return ()

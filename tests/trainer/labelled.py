"""Sources of labels alone, for tests of splits: their pictures are blank."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from trainer.sources.source import Source


class Blank:
    def __init__(self, count: int) -> None:
        self.count = count

    def contents(self) -> Sequence[bytes]:
        return [bytes(32)] * self.count

    def open(self, index: int) -> Image.Image:
        return Image.new("L", (8, 8))


def labelled(
    labels: Sequence[int] | np.ndarray,
    groups: Sequence[int] | np.ndarray | None = None,
    test: Sequence[int] | None = None,
    strata: Sequence[int] | np.ndarray | None = None,
    classes: int | None = None,
) -> Source:
    """Image i is called `image i`, class c `class c`; `test` are the rows of an official test split."""
    count = len(labels)
    return Source(
        kind="plain",
        name="plain",
        class_names=tuple(f"class {c}" for c in range(classes or max(labels) + 1)),
        names=tuple(f"image {row}" for row in range(count)),
        labels=np.asarray(labels, dtype=np.int64),
        pictures=Blank(count),
        groups=None if groups is None else np.asarray(groups, dtype=np.int64),
        official_test=None if test is None else np.isin(np.arange(count), test),
        strata=None if strata is None else np.asarray(strata, dtype=np.int64),
    )

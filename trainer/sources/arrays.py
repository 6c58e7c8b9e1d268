"""A source of arrays, whatever file they came from."""

from collections import Counter
from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.sources.columns import check_classes, check_groups, class_order, group_notes, numbered, official
from trainer.sources.pictures import ArrayPictures
from trainer.sources.source import DataError, Source

LARGEST_DEFAULT = 64  # pixels
_CHANNELS = (1, 3, 4)


def array_source(
    kind: str,
    where: str,
    name: str,
    pictures: ArrayPictures,
    labels: Sequence[str],
    words: Sequence[str] | None,
    class_names: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    notes: tuple[str, ...] = (),
) -> Source:
    """`labels`, `words` (of the official split, None: there is none) and `groups` [N] as text.

    `class_names` for labels 0, 1, ...; None: the labels name themselves.
    """
    order = class_order(labels)
    numbers = numbered(labels, order)
    names = tuple(class_names or order)
    test, split_notes = (None, ()) if words is None else official(words)
    check_classes(where, names, numbers, test)
    check_groups(where, groups, test)
    return Source(
        kind=kind,
        name=name,
        class_names=names,
        names=_places(words, len(numbers)),
        labels=numbers,
        pictures=pictures,
        groups=None if groups is None else numbered(groups),
        official_test=test,
        default_image_size=min(pictures.size, LARGEST_DEFAULT),
        default_channels=pictures.channels,
        detailed=pictures.size > LARGEST_DEFAULT,
        notes=(*split_notes, *group_notes(groups), *notes),
    )


def array_pictures(where: str, name: str, pixels: NDArray[Any]) -> ArrayPictures:
    """DataError, with the line that converts, for what is not uint8 [N, H, W] or [N, H, W, C]."""
    shape = pixels.shape
    if pixels.size == 0:
        raise DataError(f"{where}: {name} has the shape {list(shape)} and holds no images: save some")
    if pixels.dtype != np.uint8:
        raise DataError(
            f"{where}: {name} holds {pixels.dtype} numbers, bytes from 0 to 255 are needed: "
            f"save it again with {name} = {_as_bytes(name, pixels)}"
        )
    if len(shape) == 4 and shape[3] not in _CHANNELS and shape[1] in _CHANNELS:
        hint = f"{name} = {name}.transpose(0, 2, 3, 1)"
    elif len(shape) == 2 and isqrt(shape[1]) ** 2 == shape[1]:
        hint = f"{name} = {name}.reshape(-1, {isqrt(shape[1])}, {isqrt(shape[1])})"
    elif len(shape) == 3 or (len(shape) == 4 and shape[3] in _CHANNELS):
        return ArrayPictures(pixels)
    else:
        hint = "that shape"
    raise DataError(
        f"{where}: {name} has the shape {list(shape)}, [N, H, W] or [N, H, W, C] with 1, 3 or 4 channels is needed: "
        f"save it again with {hint}"
    )


def _as_bytes(name: str, pixels: NDArray[Any]) -> str:
    if pixels.dtype == np.bool_:
        return f"{name}.astype('uint8') * 255"
    if pixels.dtype.kind == "f" and pixels.max() <= 1:
        return f"(255 * {name}).round().astype('uint8')"
    if pixels.dtype == np.uint16 and pixels.max() > 255:
        return f"({name} // 257).astype('uint8')"
    return f"{name}.round().clip(0, 255).astype('uint8')"


def _places(words: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """`image 17`, or `test 17` where there are parts, each counted from 0."""
    if words is None:
        return tuple(f"image {number}" for number in range(count))
    reached: Counter[str] = Counter()
    places = []
    for word in words:
        places.append(f"{word} {reached[word]}")
        reached[word] += 1
    return tuple(places)

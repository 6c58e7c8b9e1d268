"""Every picture of a source to pixels: in parallel, and once per host where there is a cache folder."""

import hashlib
import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.broken import described, passing, reason, without_broken
from trainer.cache import Order, Put, fetch
from trainer.geometry import Geometry
from trainer.mapped import Broken, Images, Sum
from trainer.pixels import Pixels, resized
from trainer.sources.pictures import UNREADABLE
from trainer.sources.pixels import DECODER_VERSION, square
from trainer.sources.source import DataError, Opens, Source

Progress = Callable[[int, int], None]  # (images done, images in all), in the thread of the caller

_INTERVAL = 0.1  # seconds between two calls of it
_BLOCK, _BLOCK_BYTES = 16, 4 * 2**20  # a task: so many images, fewer if they are large


@dataclass(frozen=True)
class Block:
    """Some pictures: the pixels of those that can be read, in order, and what met the others."""

    pixels: NDArray[np.uint8]  # [n, C, size, size]
    failed: list[tuple[int, Exception]]


@dataclass(frozen=True, eq=False)
class Decoded:
    """`source` without the pictures in `left_out`, "name (reason)"; `digest` is of the pixels, then their shape."""

    source: Source
    pixels: Pixels
    digest: str
    left_out: tuple[str, ...]


def decode(
    source: Source,
    geometry: Geometry,
    *,
    cache: Path | None,
    progress: Progress | None = None,
    skip_broken: bool = False,
) -> Decoded:
    """All pictures of `source` as pixels of that geometry, in its order; with `cache` mapped from that folder.

    DataError naming the pictures that cannot be read, unless `skip_broken` leaves them out and enough remain; and
    where the cache cannot be used. `progress` hears nothing when the pixels are there already.
    """
    shape = len(source), geometry.channels, geometry.size, geometry.size
    told = _Told(progress, len(source))
    contents = None if cache is None else source.pictures.contents()
    order = Order(source.name, shape, lambda put: _decode_all(source, geometry, contents, put, told), told)
    # Around the threads, which share one list of filters. A large photo, an odd tag: nothing the user need hear of.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if cache is None or contents is None:
            images, smaller = _in_memory(order), None
        else:
            key = _key(geometry, DECODER_VERSION, PIL.__version__, contents=b"".join(contents))
            images = fetch(cache, key, order)
            smaller = _smaller(cache, key, source.name, images.pixels)
    kept, left_out = without_broken(source, images.broken, skip_broken)
    return Decoded(kept, Pixels(images.pixels, smaller), images.digest, left_out)


def _key(*facts: object, contents: bytes = b"") -> str:
    return hashlib.sha256(repr(facts).encode() + contents).hexdigest()


def _in_memory(order: Order) -> Images:
    pixels, total = np.empty(order.shape, dtype=np.uint8), Sum(order.shape)

    def put(block: NDArray[np.uint8]) -> None:
        pixels[total.count : total.count + len(block)] = block
        total.add(block)

    broken = order.make(put)
    return Images(torch.from_numpy(pixels[: total.count]), total.digest(), broken)


def _smaller(cache: Path, key: str, name: str, stored: Tensor) -> Callable[[int], Tensor]:
    """Sizes made from `stored`, once per host too; where the cache has no room for one it is held in memory."""

    def at(size: int) -> Tensor:
        def make(put: Put) -> Broken:
            for part in resized(stored, size):
                put(part.numpy())
            return ()

        order = Order(name, (*stored.shape[:2], size, size), make)
        try:
            return fetch(cache, _key(key, size, torch.__version__), order).pixels
        except DataError:
            return _in_memory(order).pixels

    return at


def _decode_all(
    source: Source, geometry: Geometry, contents: Sequence[bytes] | None, put: Put, told: Callable[[int], None]
) -> Broken:
    """Puts the pictures that can be read, in order; returns the others.

    With `contents` the outcome is to be remembered: DataError if pictures failed for a reason that is not in them.
    """
    failed: list[tuple[int, Exception]] = []
    done = 0
    told(done)
    with closing(blocks(source.pictures, len(source), geometry)) as made:
        for block in made:
            put(block.pixels)
            failed += block.failed
            done += len(block.pixels) + len(block.failed)
            told(done)
    broken = tuple((index, reason(error)) for index, error in failed)
    if contents and any(contents[index] != UNREADABLE and passing(error) for index, error in failed):
        raise DataError(f"{described(source, broken)}; make them readable or remove them")
    return broken


def blocks(pictures: Opens, count: int, geometry: Geometry) -> Generator[Block, None, None]:
    """`count` pictures in order, a few decoded ahead of who asks and no more: they must not pile up in memory."""
    each = max(1, min(_BLOCK, _BLOCK_BYTES // (geometry.channels * geometry.size**2)))
    threads = _threads()
    ahead: deque[Future[Block]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for start in range(0, count, each):
                part = range(start, min(start + each, count))
                ahead.append(pool.submit(_decode_some, pictures, geometry, part))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_some(pictures: Opens, geometry: Geometry, part: range) -> Block:
    pixels = np.empty((len(part), geometry.channels, geometry.size, geometry.size), dtype=np.uint8)
    failed: list[tuple[int, Exception]] = []
    for index in part:
        try:
            with pictures.open(index) as image:
                pixels[index - part.start - len(failed)] = square(image, geometry)
        # Pillow meets a broken file with OSError, SyntaxError, ValueError, struct.error and its own: all are named.
        except Exception as error:  # noqa: BLE001
            failed.append((index, error))
    return Block(pixels[: len(part) - len(failed)], failed)


def _threads() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(32, cores + 2)


class _Told:
    """Passes progress on, ten times a second at most, and the end in any case."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._next = progress, total, 0.0

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if self._progress is not None and (now >= self._next or done == self._total):
            self._next = now + _INTERVAL
            self._progress(done, self._total)

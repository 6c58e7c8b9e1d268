"""Where decoded images are kept: made by one process of a host, mapped by all."""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from trainer.mapped import Broken, Images, Shape, Writer, opened
from trainer.sources.source import DataError

Put = Callable[[NDArray[np.uint8]], None]

_MARGIN = 32 * 2**20  # bytes left free on the disk
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Order:
    """Images wanted, `shape` at most. `make(put)` hands them over block by block, in order; it returns the broken."""

    name: str
    shape: Shape
    make: Callable[[Put], Broken]
    waiting: Callable[[int], None] = lambda images: None  # told how many another process has made so far

    @property
    def space(self) -> int:
        return prod(self.shape) + _MARGIN


def default_cache() -> Path:
    """CETERIS_CACHE, else the place where this system keeps caches. DataError where a user has no home."""
    given, shared = os.environ.get("CETERIS_CACHE"), Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        if given:
            return Path(given).expanduser()
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return (Path(local) if local else Path.home() / "AppData" / "Local") / "ceteris" / "cache"
        # A relative one is to be ignored, says the specification.
        return (shared if shared.is_absolute() else Path.home() / ".cache") / "ceteris"
    except RuntimeError as error:
        raise DataError(f"no place for the cache ({error}): give a folder with --cache FOLDER") from error


def fetch(cache: Path, key: str, order: Order) -> Images:
    """The images kept under `key`, mapped from `cache`/decoded/`key`; made first where they are not there, or damaged.

    Of several processes one makes them and the others wait; a killed one is succeeded by the next. What is there is
    whole: it is written beside its place and renamed. DataError, one line, where the folder cannot be used.
    """
    place = cache / "decoded" / key
    found = opened(place)
    if found is not None:
        return found
    with _explained(cache, order):
        place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(cache, place, order):
        found = opened(place)
        if found is not None:
            return found
        _sweep(place)
        _check_space(cache, order)
        _make(cache, place, order)
        found = opened(place)
    if found is None:
        raise DataError(f"the cache folder {cache} does not keep what is written: give another with --cache FOLDER")
    return found


def _make(cache: Path, place: Path, order: Order) -> None:
    partial = _beside(place)
    try:
        with _explained(cache, order):
            writer = Writer(partial, order.shape)

        def put(block: NDArray[np.uint8]) -> None:
            with _explained(cache, order):
                writer.put(block)

        with writer:
            broken = order.make(put)
            with _explained(cache, order):
                writer.finish(order.name, broken)
        with _explained(cache, order):
            _land(partial, place)
    finally:
        _discard(partial)


def _beside(place: Path) -> Path:
    return place.with_name(f"{place.name}.{uuid4().hex}.partial")


def _land(partial: Path, place: Path) -> None:
    """Renames, unless a whole one is there first: not every network file system keeps a lock."""
    if place.exists() and opened(place) is None:
        damaged = _beside(place)
        place.rename(damaged)
        _discard(damaged)
    try:
        partial.rename(place)
    except OSError:
        if opened(place) is None:
            raise


def _discard(path: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _sweep(place: Path) -> None:
    """Removes what killed processes left half made, whatever its key, where nobody holds the lock."""
    for litter in place.parent.glob("*.partial"):
        owner = litter.with_name(litter.name.partition(".")[0])
        if owner == place:
            _discard(litter)
            continue
        with suppress(OSError, NotImplementedError), FileLock(_lock(owner), timeout=0):
            _discard(litter)


def _lock(place: Path) -> Path:
    return place.with_name(f"{place.name}.lock")


@contextmanager
def _alone(cache: Path, place: Path, order: Order) -> Iterator[None]:
    """Holds the lock of `place`, which the system takes back from a killed process."""
    lock = FileLock(_lock(place))
    while not lock.is_locked:
        try:
            with _explained(cache, order):
                lock.acquire(timeout=0.2)
        except Timeout:
            order.waiting(_made_so_far(place, order.shape))
    try:
        yield
    finally:
        lock.release()


def _made_so_far(place: Path, shape: Shape) -> int:
    sizes = [0]
    with suppress(OSError):
        sizes += [file.stat().st_size for file in place.parent.glob(f"{place.name}.*.partial/pixels.npy")]
    return min(shape[0], max(sizes) // prod(shape[1:]))


def _check_space(cache: Path, order: Order) -> None:
    with _explained(cache, order):
        free = shutil.disk_usage(cache).free
    if free < order.space:
        raise DataError(
            f"the decoded images of {order.name} need {_shown(order.space)} in {cache}, {_shown(free)} are free: "
            "free some space or give another folder with --cache FOLDER"
        )


@contextmanager
def _explained(cache: Path, order: Order) -> Iterator[None]:
    """What the system says of the folder becomes one line with the way out."""
    try:
        yield
    except Timeout:
        raise
    except (OSError, NotImplementedError) as error:  # the latter from filelock, of a file system without locks
        said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        if getattr(error, "errno", None) in _FULL:
            needed = f"the decoded images of {order.name} need {_shown(order.space)}"
            problem = f"is full ({said}), {needed}: free some space or give another folder"
        else:
            problem = f"cannot be used ({said}): give one that can be written to"
        raise DataError(f"the cache folder {cache} {problem} with --cache FOLDER") from error


def _shown(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"

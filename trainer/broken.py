"""Pictures that cannot be read: said of all at once, or left out where enough remain."""

import errno

import numpy as np
from PIL import UnidentifiedImageError

from trainer.mapped import Broken
from trainer.sources.source import DataError, Source
from trainer.sources.wording import listed, shown


def reason(error: Exception) -> str:
    """Short and printable."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"  # Pillow's text is the whole path
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    return shown(" ".join(said.split())[:60]) or type(error).__name__


def passing(error: Exception) -> bool:
    """Whether it is the machine's trouble, not the picture's: gone next time, so not to be remembered."""
    # A damaged TIFF sends Pillow to an impossible place in the file, which the system calls EINVAL.
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno not in (None, errno.EINVAL))


def described(source: Source, broken: Broken) -> str:
    """One line: how many, which and why."""
    return f"{len(broken)} of {len(source)} images in {source.name} cannot be read: {listed(_named(source, broken))}"


def without_broken(source: Source, broken: Broken, skip_broken: bool) -> tuple[Source, tuple[str, ...]]:
    """(source of the others, "name (reason)" of each one left out). DataError unless that is wanted and sensible."""
    if not broken:
        return source, ()
    if not skip_broken:
        raise DataError(f"{described(source, broken)}; repair or remove them, or leave them out with --skip-broken")
    if 2 * len(broken) > len(source):
        raise DataError(f"{described(source, broken)}; that is more than half, too many to leave out: repair them")
    rest = np.setdiff1d(np.arange(len(source)), [index for index, _ in broken])
    kept = source.kept(rest)
    before, after = (np.bincount(part.labels, minlength=len(source.class_names)) for part in (source, kept))
    thin = [
        f"class {source.class_names[label]} would keep {after[label]} of {before[label]}"
        for label in np.flatnonzero((after < before) & (after < 2))
    ]
    if thin:
        raise DataError(f"{described(source, broken)}; without them {', '.join(thin)}: repair them or remove the class")
    return kept, tuple(_named(source, broken))


def _named(source: Source, broken: Broken) -> list[str]:
    return [f"{shown(source.names[index])} ({why})" for index, why in broken]

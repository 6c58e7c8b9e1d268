"""A trial that needs more memory than its device has: known for what it is, put into words, and cleared away."""

import gc
import traceback
from collections.abc import Iterator

import torch

from trainer import failure
from trainer.recipe import Recipe

GIB = 2**30


def out_of_memory(error: BaseException) -> bool:
    """Whether the device's memory did not suffice: it, or what it was caused by, says so."""
    return any(failure.out_of_memory(each) for each in _chain(error))


def words(recipe: Recipe, device: torch.device, peak_bytes: int | None) -> str:
    """Why the trial failed, how much memory was held at most, and what to try."""
    peak = "" if peak_bytes is None else f" at a peak of {peak_bytes / GIB:.1f} GiB"
    fewer = ", a smaller image size, or fewer workers on it (--workers)"
    return (
        f"failed: out of memory on {device}{peak}, in batches of {recipe.batch_size} at {recipe.image_size} px; "
        f"try a smaller batch (in a study: --set baseline.batch_size={max(2, recipe.batch_size // 2)})"
        f"{fewer if device.type == 'cuda' else ' or a smaller image size'}"
    )


def clear(error: BaseException) -> None:
    """Drop what the frames of a failed trial hold: its model, its optimizer, its batches."""
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)
    gc.collect()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what caused it, and what caused that."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__

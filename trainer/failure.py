"""What a backbone raises when images of this size, or this many of them, are too much for it: said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainer.custom import CustomError
from trainer.recipe import Recipe
from trainer.weights import BackboneError

_NO_MEMORY = ("can't allocate memory", "CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED")


@contextmanager
def backbone_errors(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """For the backbone's own code: whatever it raises becomes a BackboneError that says what to try.

    A fault of the device itself is left as it is: no other size would mend it.
    """
    try:
        yield
    except (BackboneError, CustomError, torch.AcceleratorError):
        raise
    # Hundreds of architectures refuse a size with RuntimeError, AssertionError, ValueError, IndexError and others.
    except Exception as error:
        raise refusal(recipe, device, error) from error


@contextmanager
def memory_errors(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """For our own code: only running out of memory becomes a BackboneError, a bug stays one."""
    try:
        yield
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise refusal(recipe, device, error) from error


def refusal(recipe: Recipe, device: torch.device, error: Exception) -> BackboneError:
    """One line: backbone, size, channels, reason, what to try."""
    size, channels = recipe.image_size, "1 channel" if recipe.channels == 1 else f"{recipe.channels} channels"
    what = f"backbone {recipe.backbone_name} cannot be trained on images of {size} px and {channels}"
    said = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    if out_of_memory(error):
        return BackboneError(
            f"{what} in batches of {recipe.batch_size}, for {device} has too little memory ({said}): try a smaller "
            f"batch (in a study: --set baseline.batch_size={max(2, recipe.batch_size // 2)}) or a smaller image size"
        )
    return BackboneError(f"{what} ({said}): {another_size(recipe)}")


def another_size(recipe: Recipe) -> str:
    """What to do with a backbone that refuses images of the recipe's size."""
    larger = (recipe.image_size // 32 + 1) * 32  # what most architectures can halve five times
    return f"try another image size (in a study: --set baseline.image_size={larger}) or another backbone"


def out_of_memory(error: BaseException) -> bool:
    """Whether torch, cuDNN or the processor's allocator says so."""
    return isinstance(error, torch.OutOfMemoryError) or any(phrase in str(error) for phrase in _NO_MEMORY)

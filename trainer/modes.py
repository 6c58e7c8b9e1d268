"""Which mode a device works fastest in: tried on real batches, believed only where it trains the same."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

import torch

from trainer.custom import NO_FILES, Files
from trainer.data import Dataset
from trainer.execution import PLAIN, Mode
from trainer.feed import Feed
from trainer.learner import Learner
from trainer.nets import Nets
from trainer.pace import USUAL_IMAGES, Pace, measure, sample
from trainer.randomness import default_generators, generator
from trainer.recipe import Recipe
from trainer.replay import CaptureError, can_be_captured
from trainer.weights import BackboneError

SMALL = 96  # pixels up to which launching kernels takes longer than running them
WORTH = 1.05  # times as fast as what is taken without trying
LONG = 1200.0  # seconds of training on one device from which the compiler's half minute comes back, also when shared
STEPS = 6  # trained in both modes before one is believed
TOLERANCE = 0.05  # relative, of the loss after them: kernels sum in other orders
_SEED = 0


@dataclass(frozen=True)
class Tried:
    mode: Mode
    images_per_second: float | None  # None: refused
    why: str = ""  # it was refused


def candidates(recipe: Recipe, device: torch.device) -> tuple[Mode, ...]:
    """What may pay on `device`; on a CPU neither compiling (12 to 47 s for nothing) nor graphs, which it lacks.

    Nothing for nets of the user's own, which are built, and so would be compiled, for every trial; and on Windows,
    where a worker that has to begin again in the plain mode cannot take its own place.
    """
    if device.type != "cuda" or os.name == "nt" or recipe.backbone.startswith("custom:"):
        return ()
    if recipe.image_size <= SMALL:
        return Mode(graphs=True), Mode(compiled=True, graphs=True)
    return Mode(compiled=True), Mode(compiled=True, graphs=True)


def usual(recipe: Recipe, device: torch.device) -> Mode:
    """What a worker on `device` will hardly fall short of, known without trying: for what is measured before it starts.

    Small pictures train several times as fast captured as plain; the compiler adds less and takes half a minute.
    """
    captured = Mode(graphs=True)
    return captured if captured in candidates(recipe, device) and can_be_captured(recipe) else PLAIN


def expected(
    recipe: Recipe, data: Dataset, device: torch.device, files: Files = NO_FILES, images: int = USUAL_IMAGES
) -> Pace:
    """As `measure`, in the mode of `usual`; in the plain one where a step cannot be captured. BackboneError."""
    try:
        return measure(recipe, data, device, files, images, usual(recipe, device))
    except CaptureError:
        return measure(recipe, data, device, files, images)


def fastest(
    recipe: Recipe,
    data: Dataset,
    device: torch.device,
    files: Files = NO_FILES,
    among: tuple[Mode, ...] | None = None,
    speed: Callable[[Mode], float] | None = None,
    ahead: float = math.inf,
) -> tuple[Mode, tuple[Tried, ...]]:
    """The mode, and what was tried, the plain one first. A mode that fails or trains otherwise is only passed over.

    CaptureError where the process must not go on.

    `speed` gives images per second in a mode; measured by default. Nothing is compiled for the `ahead` images that are
    still to be trained on if they take less than `LONG`.
    """
    speed = speed or (lambda mode: _speed(recipe, data, device, files, mode))
    among = candidates(recipe, device) if among is None else among
    if not among:
        return PLAIN, ()
    try:
        tried = [Tried(PLAIN, speed(PLAIN))]
        wanted = _loss_after(recipe, data, device, files, PLAIN)
    except BackboneError as error:  # the trials will tell
        return PLAIN, (Tried(PLAIN, None, str(error)),)
    for mode in among:
        quickest = max(each.images_per_second or 0.0 for each in tried)
        if mode.compiled and ahead < LONG * quickest:
            tried.append(Tried(mode, None, f"the study is done in {ahead / quickest / 60:.0f} minutes without"))
            continue
        try:
            got = _loss_after(recipe, data, device, files, mode)
            if not math.isclose(got, wanted, rel_tol=TOLERANCE):
                tried.append(Tried(mode, None, f"a loss of {got:.4g} after {STEPS} steps, not {wanted:.4g}"))
            else:
                tried.append(Tried(mode, speed(mode)))
        except CaptureError:
            raise
        except Exception as error:  # noqa: BLE001 - compilers and drivers fail in many ways; the plain mode is there
            tried.append(Tried(mode, None, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"))
    best = max((each for each in tried if each.images_per_second), key=lambda each: each.images_per_second or 0.0)
    worth = (best.images_per_second or 0.0) >= WORTH * (tried[0].images_per_second or 0.0)
    return best.mode if worth else PLAIN, tuple(tried)


def _speed(recipe: Recipe, data: Dataset, device: torch.device, files: Files, mode: Mode) -> float:
    return 1 / measure(recipe, data, device, files, 16 * recipe.batch_size, mode).seconds_per_train_image


def _loss_after(recipe: Recipe, data: Dataset, device: torch.device, files: Files, mode: Mode) -> float:
    """Of the last of a few steps on one batch."""
    data = sample(data, recipe.batch_size).to(device)
    rows = torch.arange(len(data.development), device=device)
    feed = Feed(recipe, data, rows, _SEED, files)
    learner = Learner(recipe, data, rows, _SEED, feed.normalise, files, Nets(mode))
    with default_generators(device, _SEED, "model"):
        learner.train_mode()
        batch = feed.batch(rows, torch.ones_like(rows), generator(device, _SEED, "augment"))
        losses = [learner.step(batch, recipe.lr, 1.0).clone() for _ in range(STEPS)]
    return losses[-1].item()

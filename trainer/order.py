"""Which training images an epoch shows, and in which order: drawn on the CPU from seeds of their own."""

import math
from typing import Literal

import torch
from torch import Tensor

from trainer.randomness import generator
from trainer.recipe import Recipe

Sampling = Literal["natural", "square_root", "balanced"]
_POWERS: dict[Sampling, float] = {"natural": 1.0, "square_root": 0.5, "balanced": 0.0}
_CPU = torch.device("cpu")


def order(labels: Tensor, recipe: Recipe, seed: int, epoch: int) -> Tensor:
    """Positions [n] within the training images whose `labels` [N] are on the CPU; n = N or at most `epoch_images`.

    No augmentation and no loss changes it. `natural`: each image once. Otherwise classes are drawn by n ** power,
    power 1/2 or 0 (Kang et al. 2020), and within a class no image comes a second time before all came once.
    """
    draw = generator(_CPU, seed, "order", epoch)
    if recipe.sampling == "natural":
        chosen = torch.randperm(len(labels), generator=draw)
    else:
        chosen = _by_class(labels, recipe.sampling, draw)
    return chosen[: recipe.epoch_images]


def turns(positions: Tensor, epoch: int) -> Tensor:
    """[n]: `epoch`, plus how often the same position came before within `positions` [n]."""
    sorted_positions, places = positions.sort(stable=True)
    starts = torch.searchsorted(sorted_positions, sorted_positions)  # where the run of equal positions begins
    before = torch.empty_like(positions)
    before[places] = torch.arange(len(positions)) - starts
    return before + epoch


def shown_counts(class_counts: Tensor, sampling: Sampling) -> Tensor:
    """[classes] float64 on the CPU: how many images of each class an epoch shows on average, given those there are."""
    counts = class_counts.to("cpu", torch.float64)
    weights = torch.where(counts > 0, counts ** _POWERS[sampling], 0.0)
    return weights / weights.sum() * counts.sum()


def _by_class(labels: Tensor, sampling: Sampling, draw: torch.Generator) -> Tensor:
    counts = labels.bincount()
    wanted = _shares(shown_counts(counts, sampling), len(labels), draw)
    parts = [torch.nonzero(labels == label).flatten() for label in range(len(counts))]
    chosen = [_around(part, int(count), draw) for part, count in zip(parts, wanted, strict=True) if count]
    together = torch.cat(chosen)
    return together[torch.randperm(len(together), generator=draw)]


def _shares(weights: Tensor, total: int, draw: torch.Generator) -> list[int]:
    """Whole numbers in proportion to `weights`, together `total`; the remainder falls by lot: none is always short."""
    exact = weights / weights.sum() * total
    whole = exact.floor()
    missing = total - int(whole.sum())
    if missing:
        lots = torch.multinomial((exact - whole).clamp(min=1e-12) * (weights > 0), missing, generator=draw)
        whole[lots] += 1
    return [int(count) for count in whole]


def _around(part: Tensor, count: int, draw: torch.Generator) -> Tensor:
    """`count` of `part`, permutation after permutation."""
    rounds = math.ceil(count / len(part))
    return torch.cat([part[torch.randperm(len(part), generator=draw)] for _ in range(rounds)])[:count]

"""Draws for a whole batch at once, one per image, from a given generator and on its device."""

import torch
from torch import Tensor


def uniform(draw: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """float32 of `shape`, evenly in low..high."""
    return torch.rand(shape, generator=draw, device=draw.device).mul_(high - low).add_(low)


def happens(draw: torch.Generator, p: float, count: int) -> Tensor:
    """bool [count], each True with probability `p`."""
    return torch.rand(count, generator=draw, device=draw.device) < p


def whole(draw: torch.Generator, below: Tensor) -> Tensor:
    """int64 of the shape of `below`, evenly in 0..below - 1."""
    drawn = torch.rand(below.shape, generator=draw, device=draw.device, dtype=torch.float64)
    return (drawn * below).long()


def beta(draw: torch.Generator, alpha: float, count: int) -> Tensor:
    """float32 [count] from Beta(alpha, alpha)."""
    # A Beta draw is a ratio of two Gamma draws; torch.distributions takes no generator, the kernel beneath it does.
    # float64, for with a small alpha a Gamma draw falls below the smallest float32.
    concentration = torch.full((2, count), alpha, dtype=torch.float64, device=draw.device)
    own, other = torch._standard_gamma(concentration, generator=draw)  # pyright: ignore[reportPrivateImportUsage]
    return (own / (own + other)).nan_to_num(0.5).float()

"""Decoded images, held once per process and device, at the sizes that recipes ask for."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 2048  # images resized at a time


class Pixels:
    """uint8 [N, C, size, size] for any size up to the stored one; smaller ones are made from it, antialiased, once."""

    def __init__(self, stored: Tensor, smaller: Callable[[int], Tensor] | None = None) -> None:
        """`stored` on the CPU, possibly a mapped file. `smaller(size)` fetches a size from a cache instead of making it."""
        self.stored = stored
        self._smaller = smaller or self._made
        self._held: dict[tuple[int, torch.device], Tensor] = {}

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def size(self) -> int:
        return self.stored.shape[-1]

    @property
    def channels(self) -> int:
        return self.stored.shape[1]

    def at(self, size: int, device: torch.device) -> Tensor:
        """All images at `size` on `device`."""
        if size > self.size:
            raise ValueError(f"images are stored at {self.size} px, {size} px were asked for")
        place = size, device
        if place not in self._held:
            self._held[place] = (self.stored if size == self.size else self._smaller(size)).to(device)
        return self._held[place]

    def _made(self, size: int) -> Tensor:
        return resized(self.stored, size)


def resized(images: Tensor, size: int) -> Tensor:
    """uint8 [N, C, S, S] -> [N, C, size, size], bilinear and antialiased, on the CPU: the same on every machine."""
    parts = [
        functional.interpolate(part, size=(size, size), mode="bilinear", antialias=True)
        for part in images.split(CHUNK)
    ]
    return torch.cat(parts)

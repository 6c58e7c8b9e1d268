"""Decoded images, held once per process and device, at the sizes that recipes ask for."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from trainer.streaming import Images, Streamed, fits

CHUNK = 2048  # images resized at a time


class Pixels:
    """uint8 [N, C, size, size] for any size up to the stored one; smaller ones are made from it, antialiased, once."""

    def __init__(self, stored: Tensor, smaller: Callable[[int], Tensor] | None = None) -> None:
        """`stored` on the CPU, possibly a mapped file. `smaller(size)` fetches a size from a cache, else it is made."""
        self.stored = stored
        self._smaller = smaller or self._made
        self._held: dict[tuple[int, torch.device], Tensor] = {}
        self._streamed: dict[tuple[int, torch.device], Streamed] = {}

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def size(self) -> int:
        return self.stored.shape[-1]

    @property
    def channels(self) -> int:
        return self.stored.shape[1]

    def on(self, size: int, device: torch.device) -> Images:
        """All images at `size`: on `device`, or streamed to it where they do not fit."""
        place = size, device
        needed = len(self) * self.channels * size**2
        if place not in self._streamed and (place in self._held or fits(needed, device)):
            return self.at(size, device)
        if place not in self._streamed:
            self._streamed[place] = Streamed(self.at(size, torch.device("cpu")), device)
        return self._streamed[place]

    def at(self, size: int, device: torch.device) -> Tensor:
        """All images at `size` on `device`. On the CPU at the stored size it is the stored tensor itself."""
        if size > self.size:
            raise ValueError(f"images are stored at {self.size} px, {size} px were asked for")
        place = size, device
        if place not in self._held:
            self._held[place] = (self.stored if size == self.size else self._smaller(size)).to(device)
        return self._held[place]

    def _made(self, size: int) -> Tensor:
        made = torch.empty((len(self), self.channels, size, size), dtype=torch.uint8)
        start = 0
        for part in resized(self.stored, size):
            made[start : start + len(part)] = part
            start += len(part)
        return made


def resized(images: Tensor, size: int) -> Iterator[Tensor]:
    """uint8 [N, C, S, S] on the CPU -> parts of [N, C, size, size], in order.

    Bilinear and antialiased, in integers: the same whatever the processor can do (a test holds torch to it).
    """
    for part in images.split(CHUNK):
        yield functional.interpolate(part, size=(size, size), mode="bilinear", antialias=True)

"""Randomness as a function of (seed, purpose, epoch): no generator lives longer than an epoch, none has to be saved."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Purpose = Literal["split", "init", "order", "augment", "version", "model"]


def seed_of(seed: int, purpose: Purpose, epoch: int = 0) -> int:
    """63 bits, independent for different arguments and the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(device: torch.device, seed: int, purpose: Purpose, epoch: int = 0) -> torch.Generator:
    """A fresh generator on `device`. Draws differ between kinds of device: what must not is drawn on the CPU."""
    return torch.Generator(device).manual_seed(seed_of(seed, purpose, epoch))


@contextmanager
def default_generators(device: torch.device, seed: int, purpose: Purpose, epoch: int = 0) -> Iterator[None]:
    """Seeds torch's default generators (initialisation and dropout draw there) and puts them back afterwards."""
    on_accelerator = device.type != "cpu"
    devices = [device] if on_accelerator else []
    with torch.random.fork_rng(devices=devices, device_type=device.type if on_accelerator else "cuda"):
        number = seed_of(seed, purpose, epoch)
        torch.default_generator.manual_seed(number)
        if device.type == "cuda":
            with torch.cuda.device(device):  # torch.manual_seed would also reseed the devices of other workers' runs
                torch.cuda.manual_seed(number)
        elif on_accelerator:
            torch.manual_seed(number)
        yield

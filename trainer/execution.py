"""How the arithmetic is done: number formats, memory layout and kernels."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Mode:
    """How a worker runs the steps of its runs; no part of a recipe, and recorded with every attempt.

    Within one mode (and one kind of device, precision and library versions) equal runs agree to the bit; across modes
    they agree within noise.
    """

    channels_last: bool = True  # images and filters with the channel innermost: what convolutions are fastest on
    compiled: bool = False  # the backbone through torch.compile
    graphs: bool = False  # whole steps replayed as CUDA graphs: no kernel waits for Python

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def label(self) -> str:
        """`channels_last, graphs`; `plain` with nothing on."""
        return ", ".join(name for name, on in vars(self).items() if on) or "plain"


PLAIN = Mode()  # what every machine can do


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, a CPU computes as in a worker: there is one for each core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def autocast(device: torch.device, precision: Literal["fp32", "bf16", "fp16"]) -> torch.autocast:
    """Inside, matrix products and convolutions are done in `precision`; weights keep their own."""
    return torch.autocast(device.type, _DTYPES[precision], enabled=precision != "fp32")


def deterministic(device: torch.device) -> AbstractContextManager[None]:
    """Inside, cuDNN takes reproducible kernels, chosen without a race; on a CPU there is nothing to choose."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)

"""How the arithmetic is done: number formats and kernels."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: Literal["fp32", "bf16", "fp16"]) -> torch.autocast:
    """Inside, matrix products and convolutions are done in `precision`; weights keep their own."""
    return torch.autocast(device.type, _DTYPES[precision], enabled=precision != "fp32")


def deterministic(device: torch.device) -> AbstractContextManager[None]:
    """Inside, cuDNN takes reproducible kernels, chosen without a race; on a CPU there is nothing to choose."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)

"""What a device can do at best, measured here and now: arithmetic and memory; and what a training step asks of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

REPEATS = 5
ADAMW_STATE = 8  # reads of weight, gradient and two moments, writes of weight, two moments and the zeroed gradient


@dataclass(frozen=True)
class Ceilings:
    matmul: float  # GFLOP/s of a square matrix product, the best of several repeats
    convolution: float  # GFLOP/s of a 3x3 convolution of 64 channels, forward
    copy: float  # GB/s of a copy much larger than the caches, bytes read and written

    @property
    def arithmetic(self) -> float:
        return max(self.matmul, self.convolution)


@dataclass(frozen=True)
class Needs:
    """Of one training step, per image."""

    flops: float  # of forward and backward, a multiplication and an addition being two
    bytes: float  # at least to be moved: what is kept for the backward pass once written and once read, and the weights


def ceilings(device: torch.device, precision: torch.dtype, *, quick: bool = False) -> Ceilings:
    """With the threads that torch is set to."""
    on_gpu = device.type != "cpu"
    side = 256 if quick else 8192 if on_gpu else 1536
    batch = 4 if quick else 256 if on_gpu else 16
    left, right = (torch.randn(side, side, device=device, dtype=precision) for _ in range(2))
    matmul = 2 * side**3 / _best(lambda: left @ right, device)
    images = torch.randn(batch, 64, 56, 56, device=device, dtype=precision).contiguous(
        memory_format=torch.channels_last
    )
    kernel = torch.randn(64, 64, 3, 3, device=device, dtype=precision).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        seconds = _best(lambda: functional.conv2d(images, kernel, padding=1), device)
    convolution = 2 * batch * 56 * 56 * 64 * 64 * 9 / seconds
    source = torch.ones((2**24 if quick else 2**30 if on_gpu else 2**28), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = 2 * source.nbytes / _best(lambda: target.copy_(source), device)
    return Ceilings(matmul / 1e9, convolution / 1e9, copy / 1e9)


def needs(model: nn.Module, batch: Tensor, labels: Tensor, precision: torch.dtype) -> Needs:
    """Counted on one forward and backward pass of `batch` [B, C, H, W]. Leaves gradients behind."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    device, low = batch.device.type, precision != torch.float32
    with FlopCounterMode(display=False) as counter, torch.autocast(device, precision, enabled=low):
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = functional.cross_entropy(model(batch).float(), labels)
        loss.backward()
    weights = sum(weight.nbytes for weight in model.parameters())
    # The weights kept for the backward pass are among the kept tensors; the optimizer's own traffic comes on top.
    moved = 2 * sum(kept.values()) + ADAMW_STATE * weights
    return Needs(counter.get_total_flops() / len(batch), moved / len(batch))


def _best(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest repeat."""
    work()
    found = []
    for _ in range(REPEATS):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        found.append(time.perf_counter() - began)
    return min(found)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

"""A training step captured once as a CUDA graph: its kernels are launched together, none waits for Python."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from trainer.batch import Batch
from trainer.recipe import CustomLoss, Recipe

WARM_UPS = 3  # steps before the capture: libraries choose their kernels and take their workspaces
Pool = Any  # torch's handle of the memory that the captured steps of one net share: only one of them runs at a time


class CaptureError(Exception):
    """A step that could not be captured. CUDA may be left in a state in which this process must not go on."""


def can_be_captured(recipe: Recipe) -> bool:
    """Whether nothing in the step waits for the device: the scaler of fp16 does, and code of the user's own may."""
    return recipe.precision != "fp16" and not isinstance(recipe.loss, CustomLoss) and "custom:" not in recipe.backbone


class Replay:
    """`descend` on batches of one shape, replayed.

    The arithmetic is that of `descend`: the same kernels on the same tensors, so that a replayed run is resumed to the
    bit. Everything `descend` reads besides the batch must stay where it is in memory.
    """

    def __init__(
        self, descend: Callable[[Batch], Tensor], batch: Batch, changed: list[Tensor], pool: Pool | None
    ) -> None:
        """Captures; `changed` are all tensors that a step changes, and they are left as they were. CaptureError."""
        self._descend = descend  # what it reads (weights of classes, margins) must live as long as the graph
        self._device, self._batch = batch.images.device, _copied(batch)
        before = [tensor.detach().clone() for tensor in changed]
        with torch.cuda.device(self._device):  # streams and graphs are of the current device
            drawn = torch.cuda.get_rng_state(self._device)
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UPS):
                    descend(self._batch)
            torch.cuda.current_stream().wait_stream(side)
            self._graph = torch.cuda.CUDAGraph()
            try:
                # The first of the two, for a capture that fails does not give the stream back.
                current = torch.cuda.stream(torch.cuda.current_stream())
                with current, torch.cuda.graph(self._graph, pool=pool, stream=side):
                    self._loss = descend(self._batch)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                said = " ".join(str(error).split())[:200]
                raise CaptureError(f"a step could not be captured ({type(error).__name__}: {said})") from error
            torch.cuda.set_rng_state(drawn, self._device)
        with torch.no_grad():
            for tensor, value in zip(changed, before, strict=True):
                tensor.copy_(value)

    def __call__(self, batch: Batch) -> Tensor:
        """The loss, on the device, until the next call."""
        for mine, given in zip(_tensors(self._batch), _tensors(batch), strict=True):
            mine.copy_(given)
        with torch.cuda.device(self._device):
            self._graph.replay()
        return self._loss


def _tensors(batch: Batch) -> tuple[Tensor, ...]:
    return batch.images, batch.labels, *(batch.blend or ())


def _copied(batch: Batch) -> Batch:
    blend = None if batch.blend is None else (batch.blend[0].clone(), batch.blend[1].clone())
    return replace(batch, images=batch.images.clone(), labels=batch.labels.clone(), blend=blend)

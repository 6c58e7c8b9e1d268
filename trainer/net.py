"""A backbone on its device with all that is built once for it and serves run after run."""

from collections.abc import Callable, Hashable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainer.averaging import Average, tensors_of
from trainer.execution import Mode
from trainer.optim import forget, lr_scale, optimizer_of
from trainer.recipe import Recipe
from trainer.replay import Replay


class Net:
    """The model, the average of its weights, its optimizers and its captured steps."""

    def __init__(self, model: nn.Module, device: torch.device, mode: Mode) -> None:
        """`model` becomes part of it."""
        self.model = model.to(device).to(memory_format=mode.memory_format)  # pyright: ignore[reportCallIssue]
        self.average = Average(self.model)
        # Whole batches only: another number of images would be compiled anew, which takes longer than an epoch.
        self.whole: Callable[[Tensor], Tensor] = torch.compile(self.model, dynamic=False) if mode.compiled else model
        self.replays: dict[Hashable, Replay] = {}
        self.parameters = sum(weight.numel() for weight in self.model.parameters())
        self.has_batch_norm = any(isinstance(module, _BatchNorm) for module in self.model.modules())
        self._optimizers: dict[Hashable, torch.optim.Optimizer] = {}

    @torch.no_grad()
    def begin(self, first: nn.Module) -> None:
        """In place: all weights and buffers those of `first`, a model of the same kind; nothing averaged yet."""
        for target, source in zip(tensors_of(self.model), tensors_of(first), strict=True):
            target.copy_(source)
            target.grad = None
        self.average.restart()

    def optimizer(self, recipe: Recipe, images: int) -> torch.optim.Optimizer:
        """What `optimizer_of` gives, as if new. One at a time may be in use."""
        key = recipe.optimizer, lr_scale(recipe, images)
        if key not in self._optimizers:
            self._optimizers[key] = optimizer_of(recipe, self.model, images)
        forget(self._optimizers[key])
        return self._optimizers[key]

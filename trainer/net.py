"""A backbone on its device with all that is built once for it and serves run after run."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainer import small_maps
from trainer.averaging import Average, tensors_of
from trainer.execution import PLAIN, Mode
from trainer.optim import lr_scale, optimizer_of, start_anew, state_tensors
from trainer.recipe import Recipe
from trainer.replay import Replay

OPTIMIZERS, CAPTURED = 4, 16  # that are kept, the latest ones: each holds memory of the device
COMPILED = 64  # shapes and nets that one process may compile; torch gives up after 8, without a word


@dataclass
class Stepper:
    """An optimizer, and the steps that were captured with it."""

    optimizer: torch.optim.Optimizer
    captured: OrderedDict[Hashable, Replay] = field(default_factory=OrderedDict)


class Net:
    """The model, the average of its weights, its optimizers and its captured steps."""

    def __init__(self, model: nn.Module, device: torch.device, mode: Mode) -> None:
        """`model` becomes part of it."""
        self.model = model.to(device).to(memory_format=mode.memory_format)  # pyright: ignore[reportCallIssue]
        if device.type == "cpu" and mode == PLAIN:
            small_maps.install(self.model)
        self.average = Average(self.model)
        # Another number of images would be compiled anew, which takes longer than an epoch.
        self.on_whole_batches: Callable[[Tensor], Tensor] = _compiled(self.model) if mode.compiled else self.model
        self.parameters = sum(weight.numel() for weight in self.model.parameters())
        self.has_batch_norm = any(isinstance(module, _BatchNorm) for module in self.model.modules())
        self._graphs = mode.graphs
        self._pool = torch.cuda.graph_pool_handle() if mode.graphs and device.type == "cuda" else None
        self._steppers: OrderedDict[Hashable, Stepper] = OrderedDict()

    @torch.no_grad()
    def begin(self, first: nn.Module) -> None:
        """In place: all weights and buffers those of `first`, a model of the same kind; nothing averaged yet."""
        for target, source in zip(tensors_of(self.model), tensors_of(first), strict=True):
            target.copy_(source)
            target.grad = None
        self.average.restart()

    def stepper(self, recipe: Recipe, images: int) -> Stepper:
        """With the optimizer of `optimizer_of`, as if new. One at a time may be in use."""
        key = recipe.optimizer, lr_scale(recipe, images)
        if key not in self._steppers:
            self._steppers[key] = Stepper(optimizer_of(recipe, self.model, images, captured=self._graphs))
        _keep_latest(self._steppers, key, OPTIMIZERS)
        start_anew(self._steppers[key].optimizer)
        return self._steppers[key]

    def replay(self, stepper: Stepper, key: Hashable, capture: Callable[..., Replay]) -> Replay:
        """The step captured for `key`; `capture(changed, pool)` makes it the first time."""
        if key not in stepper.captured:
            changed = [*tensors_of(self.model), *state_tensors(stepper.optimizer)]
            stepper.captured[key] = capture(changed, self._pool)
        _keep_latest(stepper.captured, key, CAPTURED)
        return stepper.captured[key]


def _keep_latest(kept: OrderedDict[Hashable, Any], key: Hashable, most: int) -> None:
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


def _compiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    import torch._dynamo.config as limits

    limits.recompile_limit = max(limits.recompile_limit, COMPILED)
    limits.fail_on_recompile_limit_hit = True  # rather than going on slowly, in another mode than is on record
    return torch.compile(model, dynamic=False)

"""The exponential moving average of a model's weights: what is scored, for it damps the swing from epoch to epoch."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """A twin of `model` in inference mode whose floating weights and buffers follow the model's."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.steps = 0
        self._source = _tensors(model)
        self._target = _tensors(self.model)
        self._source_counts = _counters(model)
        self._target_counts = _counters(self.model)

    @torch.no_grad()
    def update(self, half_life: float) -> None:
        """After an optimizer step; `half_life` in steps, 0 for none. Bias-corrected: the first weights do not count."""
        self.steps += 1
        decay = 0.5 ** (1 / half_life) if half_life > 0 else 0.0
        # Adam's correction, avg_t / (1 - d^t), folded into the step's weight; 1 at the first step: a plain copy.
        weight = (1 - decay) / (1 - decay**self.steps)
        torch._foreach_lerp_(self._target, self._source, weight)  # pyright: ignore[reportPrivateImportUsage]
        for target, source in zip(self._target_counts, self._source_counts, strict=True):
            target.copy_(source)


def _tensors(model: nn.Module) -> list[Tensor]:
    """Parameters, and buffers such as BatchNorm's running statistics."""
    everything = [parameter.detach() for parameter in model.parameters()] + list(model.buffers())
    return [tensor for tensor in everything if tensor.is_floating_point()]


def _counters(model: nn.Module) -> list[Tensor]:
    return [tensor for tensor in model.buffers() if not tensor.is_floating_point()]

"""The exponential moving average of a model's weights: what is scored, for it damps the swing from epoch to epoch."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

BATCH_NORM_HALF_LIFE = 6.6  # steps: that of BatchNorm's own momentum of 0.1, the least its statistics are averaged over


class Average:
    """A twin of `model` in inference mode whose floating weights and buffers follow the model's.

    From here on `model` keeps BatchNorm's statistics of its last batch only (momentum 1), and the twin averages those.
    Averaging running averages lags twice and remembers where they began: short runs would be scored far too low early.
    """

    def __init__(self, model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = 1.0
        self._model, self.steps = model, 0
        # Buffers of whole numbers are one for both: nothing to average, and copying each would cost every step.
        shared = {id(buffer): buffer for buffer in model.buffers() if not buffer.is_floating_point()}
        self.model = twin = copy.deepcopy(model, shared).eval().requires_grad_(False)
        self._parameters = _floating(twin.parameters()), _floating(model.parameters())
        self._buffers = _floating(twin.buffers()), _floating(model.buffers())

    @torch.no_grad()
    def restart(self) -> None:
        """In place: the twin as the model is now, as if nothing had been averaged yet."""
        self.steps = 0
        for target, source in zip(tensors_of(self.model), tensors_of(self._model), strict=True):
            target.copy_(source)

    @torch.no_grad()
    def update(self, half_life: float) -> None:
        """After an optimizer step; `half_life` in steps, 0 for none. Bias-corrected: the first weights do not count."""
        self.steps += 1
        _follow(*self._parameters, self._share(half_life))
        _follow(*self._buffers, self._share(max(half_life, BATCH_NORM_HALF_LIFE)))

    def _share(self, half_life: float) -> float:
        """Of the newest weights in the average: Adam's correction 1 / (1 - d ** t) folded in, 1 at first."""
        decay = 0.5 ** (1 / half_life) if half_life > 0 else 0.0
        return (1 - decay) / (1 - decay**self.steps)


def tensors_of(model: nn.Module) -> Iterator[Tensor]:
    """All weights and all buffers, those that are not saved too."""
    yield from model.parameters()
    yield from model.buffers()


def _floating(tensors: Iterator[Tensor]) -> list[Tensor]:
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]


def _follow(target: list[Tensor], source: list[Tensor], share: float) -> None:
    if target:
        torch._foreach_lerp_(target, source, share)  # pyright: ignore[reportPrivateImportUsage]

"""The nets of a process: a backbone is built once, and reset for every run that comes."""

import weakref
from collections import OrderedDict
from collections.abc import Hashable
from copy import deepcopy

import torch
from torch import nn

from trainer.averaging import tensors_of
from trainer.backbone import build
from trainer.custom import Files
from trainer.execution import PLAIN, Mode
from trainer.net import Net
from trainer.recipe import Recipe
from trainer.sources.source import Part

# What a run may have of its own on the same net. A field that is not named here makes another net.
OF_THE_RUN = frozenset({
    "batch_size", "epochs", "epoch_images", "sampling", "optimizer", "lr", "warmup_epochs", "decay_epochs",
    "ema_epochs", "loss", "augment", "plateau", "metric", "normalise", "stored_size", "fit",
})  # fmt: skip
KEPT = 8  # nets, those in use included
FIRST_WEIGHTS_BYTES = 256 * 2**20  # of initial weights that are remembered, on the host


class Nets:
    """Lends nets to runs. A net is free again when the one who took it is no longer referred to by anybody."""

    def __init__(self, mode: Mode = PLAIN) -> None:
        self.mode = mode
        self._nets: list[tuple[Hashable, Net, weakref.ref[object]]] = []
        self._first: OrderedDict[Hashable, nn.Module] = OrderedDict()

    def take(
        self,
        taker: object,
        recipe: Recipe,
        classes: int,
        seed: int,
        device: torch.device,
        files: Files,
        parts: tuple[Part, ...],
    ) -> Net:
        """As new: equal to a net built for these arguments, bit by bit. What `build` raises."""
        if recipe.backbone.startswith("custom:"):  # it may keep more from batch to batch than weights and buffers
            return Net(build(recipe, classes, seed, files, parts), device, self.mode)
        kind = recipe.model_copy(update=_NEUTRAL), classes, parts, device
        first = self._weights((kind, seed), recipe, classes, seed, files, parts)
        for place, (its_kind, net, owner) in enumerate(self._nets):
            if its_kind == kind and owner() is None:
                self._nets[place] = kind, net, weakref.ref(taker)
                net.begin(first)
                return net
        net = Net(deepcopy(first), device, self.mode)
        self._nets.append((kind, net, weakref.ref(taker)))
        self._drop_oldest()
        return net

    def _drop_oldest(self) -> None:
        """A study may ask for many kinds of net; each holds memory of the device."""
        free = [place for place, (_, _, owner) in enumerate(self._nets) if owner() is None]
        for place in reversed(free[: max(0, len(self._nets) - KEPT)]):
            del self._nets[place]

    def drop(self) -> None:
        """Drop every net: after a failure their memory may be wanted, or what is in them no longer sound."""
        self._nets.clear()

    def _weights(
        self, key: Hashable, recipe: Recipe, classes: int, seed: int, files: Files, parts: tuple[Part, ...]
    ) -> nn.Module:
        """A model on the CPU that nobody trains. Replicates come again and again: a few are kept."""
        if key not in self._first:
            self._first[key] = build(recipe, classes, seed, files, parts)
            while len(self._first) > 1 and sum(map(_bytes, self._first.values())) > FIRST_WEIGHTS_BYTES:
                self._first.popitem(last=False)
        self._first.move_to_end(key)
        return self._first[key]


_NEUTRAL = {name: field.default for name, field in Recipe.model_fields.items() if name in OF_THE_RUN}


def _bytes(model: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in tensors_of(model))

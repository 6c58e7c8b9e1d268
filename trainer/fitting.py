"""Which architectures of timm a table of weights is from: advice for somebody whose weights do not fit."""

import re
import warnings
from collections.abc import Mapping
from difflib import SequenceMatcher
from itertools import islice

import torch
from torch import Tensor

from trainer.timm_import import timm

_TRIED = 40  # architectures, a few seconds in all
_HEAD = 4  # tensors that a classifier may have
_POSITIONS = ("pos_embed", "relative_position")  # tensors of a shape that depends on the size of the images


def positional(name: str) -> bool:
    return any(part in name for part in _POSITIONS)


def architectures_that_fit(weights: Mapping[str, Tensor], file_name: str, backbone: str) -> list[str]:
    """At most two, among those that `file_name` names and the family of `backbone`, without it, the likeliest first."""
    plain, family = re.sub(r"\W", "_", file_name), re.match(r"[a-z]*", backbone)
    names = [name for name in timm.list_models() if name != backbone]
    named = sorted((name for name in names if name in plain), key=len, reverse=True)
    related = [name for name in names if family and name.startswith(family[0]) and name not in named]
    related.sort(key=lambda name: -SequenceMatcher(None, name, backbone).ratio())
    fitting = (name for name in [*named, *related][:_TRIED] if _fits(weights, name))
    return list(islice(fitting, 2))


def _fits(weights: Mapping[str, Tensor], name: str) -> bool:
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            wanted = timm.create_model(name, num_classes=0).state_dict()
    except Exception:  # noqa: BLE001 - whatever hundreds of constructors raise, it is not this one
        return False
    if not 0 <= len(weights) - len(wanted) <= _HEAD:
        return False
    shapes = ((key, weights[key].shape, tensor.shape) for key, tensor in wanted.items() if key in weights)
    return wanted.keys() <= weights.keys() and all(positional(key) or _alike(*pair) for key, *pair in shapes)


def _alike(one: torch.Size, other: torch.Size) -> bool:
    """Equal, but for the channels of the image, which a first convolution sees."""
    of_images = len(one) == len(other) == 4 and {one[1], other[1]} == {1, 3}
    return one == other or (of_images and (one[0], *one[2:]) == (other[0], *other[2:]))

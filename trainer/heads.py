"""What makes logits of features: the classifier's layers, how they start, and several heads in one."""

from math import prod
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from trainer.randomness import default_generators
from trainer.recipe import Recipe
from trainer.sources.source import Part
from trainer.weights import BackboneError

_CPU = torch.device("cpu")


class JointLogits:
    """A forward hook: the net's logits [B, sum(sizes)], head after head, become joint logits [B, prod(sizes)] in fp32.

    The joint logit is the sum of its parts' logits, so that its softmax is the product of the heads' softmaxes, for
    exp(a + b) = exp(a) exp(b) and the sum over all pairs of a product is the product of the sums. A class is the
    mixed-radix number of its parts, the first leading. As a hook it leaves names and weights of the net as they are:
    they load into the plain architecture with sum(sizes) classes.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes

    def __call__(self, net: nn.Module, images: Any, logits: Tensor) -> Tensor:
        first, *others = logits.float().split(self.sizes, dim=1)
        for head in others:
            first = (first[:, :, None] + head[:, None, :]).flatten(1)
        return first


def sizes_of(recipe: Recipe, classes: int, parts: tuple[Part, ...]) -> tuple[int, ...]:
    """Outputs of each head. BackboneError for several heads where the labels are no product."""
    match recipe.heads:
        case "joint":
            return (classes,)
        case "factored":
            sizes = tuple(len(part.class_names) for part in parts)
            if len(sizes) < 2 or prod(sizes) != classes:
                raise BackboneError(
                    "heads factored needs labels that are a product, such as mask x gender x age, and these are not: "
                    "use heads joint"
                )
            return sizes
        case _:
            assert_never(recipe.heads)


def classifier_of(model: nn.Module) -> tuple[str, ...]:
    """Dotted names of the layers that make the logits: distilled architectures have two; empty if it tells none."""
    get_classifier = getattr(model, "get_classifier", None)
    if not callable(get_classifier):
        return ()
    found = get_classifier()
    parts = [part for part in (found if isinstance(found, (tuple, list)) else [found]) if isinstance(part, nn.Module)]
    layers = [layer for part in parts for layer in part.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    return tuple(name for name, module in model.named_modules() if any(module is layer for layer in layers))


def initialise(model: nn.Module, layers: tuple[str, ...], head_init: str, seed: int) -> None:
    """Xavier-uniform or zero weights and zero biases, drawn apart from all else; "native" leaves them alone."""
    if head_init == "native":
        return
    with default_generators(_CPU, seed, "init", 1):
        for name in layers:
            layer = model.get_submodule(name)
            assert isinstance(layer, (nn.Linear, nn.Conv2d))
            if head_init == "zero":
                nn.init.zeros_(layer.weight)
            else:
                nn.init.xavier_uniform_(layer.weight.flatten(1))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

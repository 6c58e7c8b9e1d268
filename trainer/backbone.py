"""A backbone with its classifier replaced; initialised on the CPU, so that all devices start equal."""

import copy

import torch
from torch import nn

from trainer.architecture import native_head, of_timm
from trainer.custom import NO_FILES, Files
from trainer.heads import JointLogits, classifier_of, initialise, sizes_of
from trainer.own_net import own_net
from trainer.randomness import default_generators
from trainer.recipe import Recipe
from trainer.sources.source import Part
from trainer.stem import StemError, make_small
from trainer.weights import BackboneError, load_backbone

__all__ = ["BackboneError", "build"]

_CPU = torch.device("cpu")


def build(recipe: Recipe, classes: int, seed: int, files: Files = NO_FILES, parts: tuple[Part, ...] = ()) -> nn.Module:
    """[B, channels, image_size, image_size] -> logits [B, classes], on the CPU. BackboneError if that cannot be made.

    `files` is where this machine keeps weights and code that the recipe names by their sha256; `parts` are those of a
    label that is a product. Equal arguments give equal bits. Classifier and small stem are drawn apart from the rest:
    they are the same with and without weights. With `heads="factored"` the state_dict is that of the plain
    architecture with as many classes as all parts have together.
    """
    sizes = sizes_of(recipe, classes, parts)
    custom = recipe.backbone.startswith("custom:")
    model = own_net(recipe, sum(sizes), seed, files) if custom else of_timm(recipe, sum(sizes), seed)
    layers = classifier_of(model)
    if not custom:
        if not layers:
            raise BackboneError(
                f"backbone {recipe.backbone} has no linear classifier to replace: choose another, such as resnet18"
            )
        if recipe.head_init == "native":
            native_head(model, recipe, sum(sizes), layers, seed)
    initialise(model, layers, recipe.head_init, seed)
    redrawn = _with_small_stem(model, recipe, seed) if recipe.stem == "small" else ()
    if recipe.weights and recipe.weights.startswith("sha256:"):
        load_backbone(model, recipe, files, layers, redrawn)
    if len(sizes) > 1:
        model.register_forward_hook(JointLogits(sizes))
    return model


def _with_small_stem(model: nn.Module, recipe: Recipe, seed: int) -> tuple[str, ...]:
    """The keys of the weights drawn anew."""
    advice = "use stem native"
    if recipe.backbone.startswith("custom:"):
        raise BackboneError(f"stem small is for timm's architectures, not for {recipe.backbone_name}: {advice}")
    try:
        with default_generators(_CPU, seed, "init", 2):
            redrawn = make_small(model, recipe.channels)
        _check_map(model, recipe)
    except StemError as error:
        raise BackboneError(f"backbone {recipe.backbone} cannot have a small stem: {error}; {advice}") from error
    return redrawn


def _check_map(model: nn.Module, recipe: Recipe) -> None:
    """Shapes only, without arithmetic. StemError unless the rest of the net still fits, and works on a map."""
    size = recipe.image_size
    twin = copy.deepcopy(model).to("meta").eval()
    try:
        with torch.no_grad():
            shape = twin.forward_features(torch.empty(2, recipe.channels, size, size, device="meta")).shape  # pyright: ignore[reportCallIssue]
    except Exception as error:  # of hundreds of architectures
        said = " ".join(str(error).split())[:150] or type(error).__name__
        raise StemError(f"the rest of it does not fit one ({said})") from error
    if len(shape) != 4:
        raise StemError("it works on a sequence of patches, not on a map")

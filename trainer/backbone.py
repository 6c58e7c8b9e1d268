"""Any timm architecture with its classifier replaced; initialised on the CPU, so that all devices start equal."""

from difflib import get_close_matches
from pathlib import Path

import timm
import torch
from timm.models import get_pretrained_cfg
from torch import nn

from trainer.failure import another_size
from trainer.randomness import default_generators
from trainer.recipe import Recipe
from trainer.weights import BackboneError, load_backbone

__all__ = ["BackboneError", "build"]

_CPU = torch.device("cpu")


def build(recipe: Recipe, classes: int, seed: int, weights_file: Path | None = None) -> nn.Module:
    """[B, channels, image_size, image_size] -> logits [B, classes], on the CPU. BackboneError if that cannot be made.

    `weights_file` is where this machine keeps the weights that the recipe names by their sha256. The classifier is
    drawn apart from the rest: it is the same with and without weights.
    """
    _check_name(recipe)
    with default_generators(_CPU, seed, "init"):
        model = _create(recipe, classes)
    heads = _heads(recipe.backbone, model)
    with default_generators(_CPU, seed, "init", 1):
        for layer in heads:
            nn.init.xavier_uniform_(layer.weight.flatten(1))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    if recipe.weights and recipe.weights.startswith("sha256:"):
        load_backbone(model, recipe.weights.removeprefix("sha256:"), weights_file, head_names(model, heads))
    return model


def head_names(model: nn.Module, heads: list[nn.Linear | nn.Conv2d]) -> tuple[str, ...]:
    """The dotted names of the classifier's layers within `model`."""
    return tuple(name for name, module in model.named_modules() if any(module is layer for layer in heads))


def _check_name(recipe: Recipe) -> None:
    name = recipe.backbone
    if not timm.is_model(name):
        close = get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "give one that timm.list_models() names"
        raise BackboneError(f"timm has no backbone {name!r}: {hint}")
    if recipe.weights and recipe.weights.startswith("timm:"):
        tag = recipe.weights.removeprefix("timm:")
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name}.*")]
        if tag not in tags:
            raise BackboneError(f"timm has no weights {tag!r} for {name}: known are {', '.join(tags) or 'none'}")


def _create(recipe: Recipe, classes: int) -> nn.Module:
    settings: dict[str, object] = {"num_classes": classes, "in_chans": recipe.channels}
    if recipe.dropout:
        settings["drop_rate"] = recipe.dropout
    if recipe.drop_path:
        settings["drop_path_rate"] = recipe.drop_path
    name, pretrained = recipe.backbone, bool(recipe.weights and recipe.weights.startswith("timm:"))
    if pretrained:
        name = f"{name}.{str(recipe.weights).removeprefix('timm:')}"
    config = get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        settings["img_size"] = recipe.image_size
    try:
        return timm.create_model(name, pretrained=pretrained, **settings)  # pyright: ignore[reportArgumentType]
    # timm passes our settings to hundreds of constructors and weights through several downloaders: no common exception.
    except Exception as error:
        asked = ", ".join(f"{key} {value}" for key, value in settings.items())
        said = " ".join(str(error).split())[:150] or type(error).__name__
        fetch = "; without a network name a local file by weights sha256:<digest>" if pretrained else ""
        size = f": {another_size(recipe)}" if "img_size" in settings and not pretrained else ""
        raise BackboneError(f"backbone {name} cannot be made with {asked} ({said}){fetch}{size}") from error


def _heads(name: str, model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers that make the logits; distilled architectures have two."""
    classifier = model.get_classifier()  # pyright: ignore[reportCallIssue]
    parts = classifier if isinstance(classifier, (tuple, list)) else [classifier]
    layers = [layer for part in parts for layer in part.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    if not layers:
        raise BackboneError(f"backbone {name} has no linear classifier to replace: choose another, such as resnet18")
    return layers

"""The architectures of timm, with weights of timm's own where the recipe names them."""

from difflib import get_close_matches

import torch
from torch import nn

from trainer.failure import another_size
from trainer.randomness import default_generators
from trainer.recipe import Recipe
from trainer.timm_import import get_pretrained_cfg, timm
from trainer.weights import BackboneError

_CPU = torch.device("cpu")


def of_timm(recipe: Recipe, outputs: int, seed: int) -> nn.Module:
    """With `outputs` logits; what is not pretrained is drawn. BackboneError if timm has no such thing."""
    _check_name(recipe)
    with default_generators(_CPU, seed, "init"):
        return _create(recipe, outputs, _tag(recipe))


def native_head(model: nn.Module, recipe: Recipe, outputs: int, layers: tuple[str, ...], seed: int) -> None:
    """The classifier's `layers` as timm starts them, drawn apart from all else: the same with and without weights."""
    with default_generators(_CPU, seed, "init", 1):
        fresh = _create(recipe, outputs, tag="")
    for name in layers:
        model.get_submodule(name).load_state_dict(fresh.get_submodule(name).state_dict())


def _tag(recipe: Recipe) -> str:
    return recipe.weights.removeprefix("timm:") if recipe.weights and recipe.weights.startswith("timm:") else ""


def _check_name(recipe: Recipe) -> None:
    name, tag = recipe.backbone, _tag(recipe)
    if not timm.is_model(name):
        close = get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "give one that timm.list_models() names"
        raise BackboneError(f"timm has no backbone {name!r}: {hint}")
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name}.*")] if tag else []
    if tag not in tags and tag:
        raise BackboneError(f"timm has no weights {tag!r} for {name}: known are {', '.join(tags) or 'none'}")


def _create(recipe: Recipe, outputs: int, tag: str) -> nn.Module:
    settings: dict[str, object] = {"num_classes": outputs, "in_chans": recipe.channels}
    if recipe.dropout:
        settings["drop_rate"] = recipe.dropout
    if recipe.drop_path:
        settings["drop_path_rate"] = recipe.drop_path
    name = f"{recipe.backbone}.{tag}" if tag else recipe.backbone
    config = get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        settings["img_size"] = recipe.image_size
    try:
        return timm.create_model(name, pretrained=bool(tag), **settings)  # pyright: ignore[reportArgumentType]
    # timm passes our settings to hundreds of constructors and weights through several downloaders: no common exception.
    except Exception as error:
        asked = ", ".join(f"{key} {value}" for key, value in settings.items())
        said = " ".join(str(error).split())[:150] or type(error).__name__
        fetch = "; without a network name a local file by weights sha256:<digest>" if tag else ""
        size = f": {another_size(recipe)}" if "img_size" in settings and not tag else ""
        raise BackboneError(f"backbone {name} cannot be made with {asked} ({said}){fetch}{size}") from error

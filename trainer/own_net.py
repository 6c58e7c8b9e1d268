"""A backbone of the user's own."""

import inspect

import torch
from torch import Tensor, nn

from trainer.custom import Files, load_custom_net
from trainer.randomness import default_generators
from trainer.recipe import Recipe
from trainer.weights import BackboneError

_CPU = torch.device("cpu")


def own_net(recipe: Recipe, outputs: int, seed: int, files: Files) -> nn.Module:
    """The class or function of a `custom:` backbone, called with what it takes of timm's arguments by name:

    num_classes, in_chans, img_size, drop_rate, drop_path_rate. BackboneError if it cannot be made, ignores a dropout
    the recipe asks for, or does not give logits [B, outputs] for images [B, channels, image_size, image_size].
    """
    made_by, name = load_custom_net(recipe.backbone, files), recipe.backbone_name
    if recipe.weights and recipe.weights.startswith("timm:"):
        raise BackboneError(f"timm has no weights for {name}, a net of your own: use weights sha256:<digest> of a file")
    with default_generators(_CPU, seed, "init"):
        try:
            net = made_by(**_arguments(recipe, outputs, inspect.signature(made_by)))
        except BackboneError:
            raise
        except Exception as error:  # the user's own code
            raise BackboneError(f"backbone {name} cannot be made ({_said(error)}): mend its file") from error
        if not isinstance(net, nn.Module):
            raise BackboneError(f"backbone {name} makes {type(net).__name__}: return a torch.nn.Module")
        _check_logits(net, recipe, outputs)
    return net


def _arguments(recipe: Recipe, outputs: int, signature: inspect.Signature) -> dict[str, object]:
    any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    offered = {"num_classes": outputs, "in_chans": recipe.channels, "img_size": recipe.image_size}
    found: dict[str, object] = {key: value for key, value in offered.items() if key in signature.parameters}
    if any_name:
        found |= {key: offered[key] for key in ("num_classes", "in_chans")}
    for field, key in (("dropout", "drop_rate"), ("drop_path", "drop_path_rate")):
        value = getattr(recipe, field)
        if value and not any_name and key not in signature.parameters:
            raise BackboneError(
                f"backbone {recipe.backbone_name} takes no {key}: use {field} 0, or give it that argument"
            )
        if value:
            found[key] = value
    return found


def _check_logits(net: nn.Module, recipe: Recipe, outputs: int) -> None:
    images = torch.zeros(2, recipe.channels, recipe.image_size, recipe.image_size)
    what = f"backbone {recipe.backbone_name}, given images of the shape {tuple(images.shape)},"
    try:
        with torch.no_grad():
            logits = net.eval()(images)
    except Exception as error:
        raise BackboneError(f"{what} fails ({_said(error)}): mend it, or use another image_size or channels") from error
    finally:
        net.train()
    given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if given != (2, outputs):
        raise BackboneError(f"{what} returns {given}: return logits of the shape {(2, outputs)}, one per class")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"

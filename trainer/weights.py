"""A local weights file into a backbone: known by its digest, never by its path, complete but for the classifier."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from trainer.custom import Files
from trainer.fitting import architectures_that_fit, positional
from trainer.recipe import Recipe

_WRAPPERS = ("state_dict", "model", "state_dict_ema")  # the keys under which training programs put the weights


class BackboneError(Exception):
    """A backbone or weights that cannot be had: one line saying what was given, what is allowed, what to do."""


def digest_of_file(file: Path) -> str:
    """sha256, 64 hexadecimal digits: what a recipe calls `sha256:<digest>`."""
    return hashlib.sha256(_content(file)).hexdigest()


def load_backbone(
    model: nn.Module, recipe: Recipe, files: Files, head: tuple[str, ...], redrawn: tuple[str, ...] = ()
) -> None:
    """Fills `model` but for the layers named in `head`. BackboneError unless every other tensor is matched exactly.

    A first convolution over another number of channels is adapted: summed to grey, or spread evenly from grey. The
    tensors `redrawn` stay as they are where those of the file have another shape.
    """
    file, content = _known(str(recipe.weights).removeprefix("sha256:"), files)
    wanted = {name: tensor for name, tensor in model.state_dict().items() if not _under(name, head)}
    stored = _without_prefix(_read(file, content), model.state_dict())
    given = {name: tensor for name, tensor in stored.items() if not _under(name, head)}
    first = _first_convolution(model)
    if first in given and first in wanted:
        given[first] = _with_channels(given[first], wanted[first].shape)
    for name in redrawn:
        if name in given and given[name].shape != wanted[name].shape:
            given[name] = wanted[name]
    wrong = _differences(given, wanted)
    if wrong:
        fitting = sum(name in given and given[name].shape == tensor.shape for name, tensor in wanted.items())
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise BackboneError(
            f"{file.name} does not fit backbone {recipe.backbone_name}: it has {fitting} of the {len(wanted)} tensors "
            f"({', '.join(list(wrong.values())[:3])}{more}); {_advice(wrong, first, stored, file, recipe)}"
        )
    model.load_state_dict(given, strict=False)


def _known(digest: str, files: Files) -> tuple[Path, bytes]:
    """The file of that digest and its content."""
    file = files.get(digest)
    if file is None:
        raise BackboneError(f"the recipe wants weights sha256:{digest[:12]}...: say where that file is on this machine")
    content = _content(file)
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise BackboneError(
            f"{file} is not the file the recipe names: it has sha256:{found}, wanted is sha256:{digest}"
        )
    return file, content


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BackboneError(
            f"weights {file} cannot be read ({error.strerror}): give a .safetensors or .pth file"
        ) from error


def _read(file: Path, content: bytes) -> dict[str, Tensor]:
    try:
        if file.suffix.lower() == ".safetensors":
            return load_safetensors(content)
        stored = torch.load(file, map_location="cpu", weights_only=True)
    # safetensors, zip and pickle each refuse a damaged or hostile file in their own way.
    except Exception as error:
        said = " ".join(str(error).split())[:100]
        raise BackboneError(f"weights {file} are not a .safetensors or plain .pth file of tensors ({said})") from error
    for wrapper in _WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(wrapper), Mapping):
            stored = stored[wrapper]
    if not isinstance(stored, Mapping) or not all(isinstance(tensor, Tensor) for tensor in stored.values()):
        raise BackboneError(f"weights {file} hold no table of tensors: save model.state_dict()")
    return {str(name): tensor for name, tensor in stored.items()}


def _without_prefix(given: dict[str, Tensor], known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without what training programs put in front of every name, such as `module.` or `_orig_mod.`."""
    prefix = next(iter(given), "").partition(".")[0] + "."
    if (
        not given
        or not all(name.startswith(prefix) for name in given)
        or any(name.startswith(prefix) for name in known)
    ):
        return given
    return _without_prefix({name.removeprefix(prefix): tensor for name, tensor in given.items()}, known)


def _differences(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, str]:
    """Name -> what is wrong with it."""
    found = {name: f"{name} is missing" for name in wanted if name not in given}
    found |= {name: f"{name} is unknown" for name in given if name not in wanted}
    shapes = ((name, tuple(given[name].shape), tuple(wanted[name].shape)) for name in wanted if name in given)
    return found | {name: f"{name} is {has}, not {wants}" for name, has, wants in shapes if has != wants}


def _advice(wrong: Mapping[str, str], first: str, stored: Mapping[str, Tensor], file: Path, recipe: Recipe) -> str:
    if recipe.backbone.startswith("custom:"):
        return "use weights of that very net"
    if all(map(positional, wrong)):
        return "use the image_size that they were trained with"
    if set(wrong) == {first}:
        return "use the stem that they were trained with, native or small"
    fitting = architectures_that_fit(stored, file.stem, recipe.backbone)
    return f"they fit backbone {' or '.join(fitting)}" if fitting else "use the backbone that they were trained as"


def _under(name: str, layers: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{layer}.") for layer in layers)


def _first_convolution(model: nn.Module) -> str:
    """The key of the weight that sees the channels; empty if there is no convolution."""
    names = (name for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
    return f"{next(names, '')}.weight"


def _with_channels(weight: Tensor, shape: torch.Size) -> Tensor:
    if weight.ndim != 4 or weight.shape[1] == shape[1]:
        return weight
    if shape[1] == 1:  # a grey image is one whose channels are all the same
        return weight.sum(dim=1, keepdim=True)
    return weight.repeat(1, shape[1], 1, 1) / shape[1] if weight.shape[1] == 1 else weight

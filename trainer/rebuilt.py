"""The net of an exported model, made as anybody makes it who has timm and model.json only."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from trainer.custom import Files
from trainer.exported import About, Architecture, Convolution, Model, ModelError
from trainer.heads import JointLogits
from trainer.own_net import own_net
from trainer.recipe import Recipe
from trainer.stem import make_small
from trainer.timm_import import get_pretrained_cfg, timm


def net_of(model: Model, files: Files) -> nn.Module:
    """In eval mode, on the CPU, giving logits of `class_names`. ModelError if the weights do not fit it.

    `files` says where the user's own code lies that a net of his own needs: it runs.
    """
    about = model.about
    if about.timm is None:
        net = own_net(model.recipe.model_copy(update={"weights": None}), sum(about.heads), 0, files)
    else:
        net = _of_timm(about.timm)
        _change_stem(net, about, model.weights)
    try:
        net.load_state_dict(dict(model.weights))
    except RuntimeError as error:
        said = " ".join(str(error).split())[:200]
        raise ModelError(f"the weights do not fit the net that model.json describes ({said}): export again") from None
    if len(about.heads) > 1:
        net.register_forward_hook(JointLogits(about.heads))
    return net.eval()


def architecture_of(recipe: Recipe, outputs: int) -> Architecture | None:
    """What timm is asked for; None for a net of the user's own."""
    if recipe.backbone.startswith("custom:"):
        return None
    tag = recipe.weights.removeprefix("timm:") if recipe.weights and recipe.weights.startswith("timm:") else ""
    name = f"{recipe.backbone}.{tag}" if tag else recipe.backbone
    config = get_pretrained_cfg(name)
    fixed = config is not None and config.fixed_input_size
    return Architecture(
        model_name=name,
        num_classes=outputs,
        in_chans=recipe.channels,
        img_size=recipe.image_size if fixed else None,
    )


def stem_of(recipe: Recipe, architecture: Architecture | None) -> tuple[dict[str, Convolution], tuple[str, ...]]:
    """(convolutions that are otherwise than timm makes them, layers that are taken out) of a small stem."""
    if recipe.stem != "small" or architecture is None:
        return {}, ()
    plain, small = _of_timm(architecture), _of_timm(architecture)
    make_small(small, recipe.channels)
    changed = dict(small.named_modules())
    kept = {name: _shape(layer) for name, layer in plain.named_modules() if isinstance(layer, nn.Conv2d)}
    convolutions = {
        name: _shape(layer)
        for name, layer in changed.items()
        if isinstance(layer, nn.Conv2d) and _shape(layer) != kept[name]
    }
    removed = [
        name
        for name, layer in plain.named_modules()
        if isinstance(changed.get(name), nn.Identity) and not isinstance(layer, nn.Identity)
    ]
    return convolutions, tuple(removed)


def _of_timm(architecture: Architecture) -> nn.Module:
    if not timm.is_model(architecture.model_name.partition(".")[0]):
        raise ModelError(
            f"the timm of this machine, {timm.__version__}, has no {architecture.model_name}: take its version"
        )
    try:
        return timm.create_model(pretrained=False, **architecture.model_dump(exclude_none=True))
    except Exception as error:  # noqa: BLE001 - of hundreds of architectures
        said = " ".join(str(error).split())[:150] or type(error).__name__
        raise ModelError(f"timm cannot make {architecture.model_name} ({said}): install the version it had") from None


def _change_stem(net: nn.Module, about: About, weights: Mapping[str, Tensor]) -> None:
    try:
        for name, shape in about.convolutions.items():
            layer = net.get_submodule(name)
            if not isinstance(layer, nn.Conv2d):
                raise KeyError(name)
            layer.kernel_size, layer.stride, layer.padding = shape.kernel_size, shape.stride, shape.padding
            layer.weight = nn.Parameter(weights[f"{name}.weight"])
        for name in about.removed:
            net.set_submodule(name, nn.Identity())
    except (AttributeError, KeyError) as error:
        raise ModelError(f"the stem that model.json describes does not fit its net ({error}): export again") from None


def _shape(layer: nn.Conv2d) -> Convolution:
    kernel, stride, padding = layer.kernel_size, layer.stride, layer.padding
    return Convolution(kernel_size=kernel, stride=stride, padding=padding)  # pyright: ignore[reportArgumentType]


def code_in(folder: Path, model: Model) -> Files:
    """The user's own code as it lies in the folder of `model`: to be trusted by whoever asks for it."""
    return {each.digest: folder / each.file for each in model.about.code}

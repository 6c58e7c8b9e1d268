"""A stem for small images, which the usual one shrinks to a fourth before anything has looked at them."""

from collections.abc import Iterator

from torch import nn

from trainer.timm_import import BlurPool2d, PatchEmbed, ScaledStdConv2d

_COARSEST = 4  # pixels from one place of the first convolution to the next; a patch is larger
_DEEPEST = 4  # convolutions of the deepest stems; what holds more is the net, not its stem
_Pool = (nn.MaxPool2d, nn.AvgPool2d, BlurPool2d, nn.ConstantPad2d)  # some pad before they pool


class StemError(Exception):
    """An architecture that has no stem to make small: the reason, as half a sentence."""


def make_small(model: nn.Module, channels: int) -> tuple[str, ...]:
    """In place: the first convolution becomes 3x3 of stride 1 with padding 1, the pooling right after the stem goes.

    Of a stem of several convolutions all strides become 1. A kernel that is 3x3 already keeps its weights; another is
    drawn anew from torch's default generator, pretrained or not: the keys of those weights are returned.
    """
    name, first = next(_convolutions(model), ("", None))
    if first is None or first.in_channels != channels or first.kernel_size == (1, 1):
        raise StemError("its first layer is no convolution over the image")
    around = [name[:place] for place, sign in reversed(list(enumerate(name))) if sign == "."]  # from the smallest
    if _stride(first) > _COARSEST or any(isinstance(model.get_submodule(part), PatchEmbed) for part in around):
        raise StemError(f"it cuts the image into patches of {_stride(first)} px")
    stem_convolutions = _stem_convolutions(model, first, around)
    # pooling within a block is the block's own
    pools = [name for name in _pools_after(model, stem_convolutions[-1]) if name.rpartition(".")[0] in ("", *around)]
    if all(_stride(layer) == 1 for layer in stem_convolutions) and not pools:
        raise StemError("its first convolution is of stride 1 already and no pooling follows")
    anew = _three_by_three(first) if first.kernel_size != (3, 3) else False
    for layer in stem_convolutions:
        layer.stride = (1, 1)
    for pool in pools:
        model.set_submodule(pool, nn.Identity())
    return (f"{name}.weight",) if anew else ()


def _convolutions(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d))


def _stem_convolutions(model: nn.Module, first: nn.Conv2d, around: list[str]) -> list[nn.Conv2d]:
    """Those of the largest part around the convolution `first` that is a stem and not the net."""
    found = [first]
    for part in around:
        held = [layer for _, layer in _convolutions(model.get_submodule(part))]
        if len(held) > _DEEPEST:
            break
        found = held
    return found


def _three_by_three(layer: nn.Conv2d) -> bool:
    if isinstance(layer, ScaledStdConv2d):
        raise StemError("its convolutions are scaled to the size of their kernels")
    layer.kernel_size, layer.padding = (3, 3), (1, 1)
    layer.weight = nn.Parameter(layer.weight.new_empty(layer.out_channels, layer.in_channels, 3, 3))
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return True


def _pools_after(model: nn.Module, last: nn.Conv2d) -> list[str]:
    """Names of the pooling between the convolution `last` and the next layer with a kernel of its own."""
    layers = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    place = next(place for place, (_, layer) in enumerate(layers) if layer is last)
    found: list[str] = []
    for name, layer in layers[place + 1 :]:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            break
        if isinstance(layer, _Pool):
            found.append(_only_pooling(model, name))
    return found


def _only_pooling(model: nn.Module, name: str) -> str:
    """The largest part around the pooling `name` that does nothing else: anti-aliased pooling has several layers."""
    while around := name.rpartition(".")[0]:
        layers = [layer for layer in model.get_submodule(around).modules() if not list(layer.children())]
        if not all(isinstance(layer, _Pool) for layer in layers):
            break
        name = around
    return name


def _stride(layer: nn.Module) -> int:
    stride = layer.stride
    return max(stride) if isinstance(stride, tuple) else int(stride)  # pyright: ignore[reportArgumentType]

"""Convolutions on maps of a few pixels, where nets for small pictures spend much of their time on a CPU.

The library multiplies with the zeros of the border as well: on a map of 2 x 2 five of nine taps of a 3 x 3 filter meet
nothing else. Here the gradient of each tap is one matrix product of what it really meets, and where every output sees
every input a convolution is a linear layer whose matrix repeats the filter. Figures: docs/BENCHMARKS.md, Small maps.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

POSITIONS = 16  # of the map that comes out; with more the library is as fast
LARGE = 2**15  # channels in times channels out; with fewer the products are too small to pay
FORMATS = (torch.float32, torch.bfloat16)

Pair = tuple[int, int]


class SmallMapConv2d(nn.Conv2d):
    """`nn.Conv2d` that trains faster on small maps, equal but for rounding; in inference it is that one itself."""

    def forward(self, input: Tensor) -> Tensor:
        precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype
        training = torch.is_grad_enabled() and self.weight.requires_grad
        usual = input.ndim == 4 and input.shape[1] == self.in_channels  # what is not, the library takes or refuses
        sides = _sides(self, input)
        small = 0 < sides[0].out * sides[1].out <= POSITIONS
        if not (training and usual and small and precision in FORMATS):
            return super().forward(input)
        out = cast(Tensor, _Convolution.apply(input.to(precision), self.weight, *sides))
        return out if self.bias is None else out + self.bias.to(precision)[:, None, None]


def install(model: nn.Module) -> None:
    """In place: every plain convolution of `model` that has filters enough becomes a `SmallMapConv2d`."""
    for module in model.modules():
        if type(module) is nn.Conv2d and _is_plain(module) and module.in_channels * module.out_channels >= LARGE:
            module.__class__ = SmallMapConv2d


def _is_plain(module: nn.Conv2d) -> bool:
    alone = module.groups == 1 and module.dilation == (1, 1)
    return alone and module.padding_mode == "zeros" and not isinstance(module.padding, str)


@dataclass(frozen=True)
class _Side:
    """A convolution along the height or the width of a map. Tap t of output o meets input o * stride + t - padding."""

    size: int
    taps: int
    stride: int
    padding: int

    @property
    def out(self) -> int:
        return max(0, (self.size + 2 * self.padding - self.taps) // self.stride + 1)

    @property
    def all_meet(self) -> bool:
        """Whether every output sees every input."""
        return self.padding >= (self.out - 1) * self.stride and self.size + self.padding <= self.taps

    def taps_of(self, output: int) -> slice:
        """Those that meet the inputs, from the first to the last; only where `all_meet`."""
        first = self.padding - output * self.stride
        return slice(first, first + self.size)

    def met_by(self, tap: int) -> tuple[slice, slice]:
        """The outputs for which `tap` lies within the map, and the inputs that it meets there."""
        first = max(0, -((tap - self.padding) // self.stride))
        last = min(self.out - 1, (self.size - 1 + self.padding - tap) // self.stride)
        begin = first * self.stride + tap - self.padding
        count = max(0, last - first + 1)
        return slice(first, first + count), slice(begin, begin + count * self.stride, self.stride)


def _sides(module: nn.Conv2d, images: Tensor) -> tuple[_Side, _Side]:
    geometry = module.kernel_size, module.stride, cast(Pair, module.padding)
    height, width = zip(images.shape[-2:], *geometry, strict=True)
    return _Side(*height), _Side(*width)


class _Convolution(torch.autograd.Function):
    """images [n, in, h, w], weight [out, in, taps, taps] in fp32 -> [n, out, h', w'] in the format of the images."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, height: _Side, width: _Side) -> Tensor:
        linear = height.all_meet and width.all_meet
        filters = _matrix(weight, height, width, images.dtype) if linear else weight.to(images.dtype)
        ctx.save_for_backward(images, filters)
        ctx.height, ctx.width, ctx.linear = height, width, linear
        if not linear:
            return functional.conv2d(images, filters, None, *_geometry(height, width))
        out = _last(images).flatten(1) @ filters.t()
        return out.view(len(images), height.out, width.out, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        images, filters = ctx.saved_tensors
        of_filters = _gradient_of_filters(_last(images), _last(gradient), ctx.height, ctx.width)
        if not ctx.needs_input_grad[0]:
            return None, of_filters, None, None
        if ctx.linear:
            of_images = (_last(gradient).flatten(1) @ filters).view(_last(images).shape).permute(0, 3, 1, 2)
        else:
            rest = None, *_geometry(ctx.height, ctx.width), (1, 1), False, (0, 0), 1, (True, False, False)
            of_images = torch.ops.aten.convolution_backward(gradient, images, filters, *rest)[0]
        return of_images, of_filters, None, None


def _geometry(height: _Side, width: _Side) -> tuple[Pair, Pair]:
    """(stride, padding)"""
    return (height.stride, width.stride), (height.padding, width.padding)


def _last(images: Tensor) -> Tensor:
    """[n, h, w, channels]; copies nothing that is channels_last."""
    return images.permute(0, 2, 3, 1).contiguous()


def _matrix(weight: Tensor, height: _Side, width: _Side, dtype: torch.dtype) -> Tensor:
    """[h' w' out, h w in]: of the linear layer that the convolution is where every output sees every input."""
    filters = weight.permute(0, 2, 3, 1)
    made = weight.new_empty(height.out, width.out, len(weight), height.size, width.size, filters.shape[3], dtype=dtype)
    for row in range(height.out):
        for column in range(width.out):
            made[row, column].copy_(filters[:, height.taps_of(row), width.taps_of(column)])
    return made.view(height.out * width.out * len(weight), -1)


def _gradient_of_filters(images: Tensor, gradient: Tensor, height: _Side, width: _Side) -> Tensor:
    """[out, in, taps, taps] in fp32 from [n, h, w, in] and [n, h', w', out]: a product for each tap."""
    found = images.new_empty(gradient.shape[3], height.taps, width.taps, images.shape[3], dtype=torch.float32)
    for row in range(height.taps):
        rows_out, rows_in = height.met_by(row)
        for column in range(width.taps):
            columns_out, columns_in = width.met_by(column)
            above = gradient[:, rows_out, columns_out].flatten(0, 2)
            below = images[:, rows_in, columns_in].flatten(0, 2)
            found[:, row, column].copy_(above.t() @ below)
    return found.permute(0, 3, 1, 2)

"""Convolutions on maps of a few pixels, where nets for small pictures spend much of their time on a CPU.

The library multiplies with the zeros of the border as well: on a map of 2 x 2 five of nine taps of a 3 x 3 filter meet
nothing else. Here the gradient of each tap is one matrix product of what it really meets, and where every output sees
every input a convolution is a linear layer whose matrix repeats the filter. Figures: docs/BENCHMARKS.md, Small maps.

And in bf16 the library (oneDNN, torch 2.14) leaves the gradient of taps that meet nothing unwritten on some such maps:
whatever lay in that memory, also NaN, would be learned. There the filter is cut to the taps that meet something.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from trainer.taps import Side, side_of

POSITIONS = 16  # of the map that comes out; with more the library is as fast
LARGE = 2**15  # channels in times channels out; with fewer the products are too small to pay
FORMATS = (torch.float32, torch.bfloat16)

Pair = tuple[int, int]


class SmallMapConv2d(nn.Conv2d):
    """`nn.Conv2d` that trains faster on small maps, equal but for rounding; in inference it is that one itself."""

    def forward(self, input: Tensor) -> Tensor:
        precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype
        many, short = self.groups == 1 and self.in_channels * self.out_channels >= LARGE, precision is torch.bfloat16
        training = torch.is_grad_enabled() and self.weight.requires_grad
        usual = input.ndim == 4 and input.shape[1] == self.in_channels  # what is not, the library takes or refuses
        if not ((many or short) and training and usual and precision in FORMATS):
            return super().forward(input)
        height, width = _sides(self, input)
        if many and 0 < height.out * width.out <= POSITIONS:
            out = cast(Tensor, _Convolution.apply(input.to(precision), self.weight, height, width))
            return out if self.bias is None else out + self.bias.to(precision)[:, None, None]
        if short and height.live and width.live and not (height.all_live and width.all_live):
            weight = self.weight[:, :, height.live, width.live]
            padded = functional.pad(input, (*width.around_live, *height.around_live))
            return functional.conv2d(padded, weight, self.bias, self.stride, groups=self.groups)
        return super().forward(input)


def install(model: nn.Module) -> None:
    """In place: every plain convolution of `model` becomes a `SmallMapConv2d`."""
    for module in model.modules():
        if type(module) is nn.Conv2d and _is_plain(module):
            module.__class__ = SmallMapConv2d


def _is_plain(module: nn.Conv2d) -> bool:
    return module.dilation == (1, 1) and module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _sides(module: nn.Conv2d, images: Tensor) -> tuple[Side, Side]:
    geometry = module.kernel_size, module.stride, cast(Pair, module.padding)
    height, width = zip(images.shape[-2:], *geometry, strict=True)
    return side_of(*height), side_of(*width)


class _Convolution(torch.autograd.Function):
    """images [n, in, h, w], weight [out, in, taps, taps] in fp32 -> [n, out, h', w'] in the format of the images."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, height: Side, width: Side) -> Tensor:
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


def _geometry(height: Side, width: Side) -> tuple[Pair, Pair]:
    """(stride, padding)"""
    return (height.stride, width.stride), (height.padding, width.padding)


def _last(images: Tensor) -> Tensor:
    """[n, h, w, channels]; copies nothing that is channels_last."""
    return images.permute(0, 2, 3, 1).contiguous()


def _matrix(weight: Tensor, height: Side, width: Side, dtype: torch.dtype) -> Tensor:
    """[h' w' out, h w in]: of the linear layer that the convolution is where every output sees every input."""
    filters = weight.permute(0, 2, 3, 1)
    made = weight.new_empty(height.out, width.out, len(weight), height.size, width.size, filters.shape[3], dtype=dtype)
    for row in range(height.out):
        for column in range(width.out):
            made[row, column].copy_(filters[:, height.taps_of(row), width.taps_of(column)])
    return made.view(height.out * width.out * len(weight), -1)


def _gradient_of_filters(images: Tensor, gradient: Tensor, height: Side, width: Side) -> Tensor:
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

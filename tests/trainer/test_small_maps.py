"""Convolutions on small maps are faster and the same."""

from copy import deepcopy
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer import small_maps
from trainer.backbone import build
from trainer.execution import PLAIN, Mode, autocast
from trainer.net import Net
from trainer.recipe import Recipe
from trainer.small_maps import SmallMapConv2d, install

CPU = torch.device("cpu")
MAPS = ((1, 1), (2, 2), (3, 3), (4, 4), (2, 4), (5, 3))
GEOMETRIES = [
    (size, taps, stride, padding)
    for size, taps, stride, padding in product(MAPS, (1, 2, 3, 5), (1, 2, 3), (0, 1, 2, 3))
    if padding < taps <= min(size) + 2 * padding
]


def pair(
    channels: int, out: int, taps: int, stride: int = 1, padding: int = 0, *, bias: bool = False
) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The same weights: ours and the library's."""
    theirs = nn.Conv2d(channels, out, taps, stride, padding, bias=bias)
    theirs.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    ours = deepcopy(theirs)
    install(ours)
    assert type(ours) is SmallMapConv2d
    return ours, theirs


def images(*sizes: int) -> Tensor:
    return torch.randn(*sizes).contiguous(memory_format=torch.channels_last)


def learned(module: nn.Conv2d, shown: Tensor, precision: str = "fp32") -> list[Tensor]:
    """What comes out, and the gradients of the images and of all weights, for a fixed gradient from above."""
    module, shown = deepcopy(module), shown.clone().requires_grad_()
    with autocast(CPU, precision):  # pyright: ignore[reportArgumentType]
        out = module(shown)
    above = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    out.backward(above.to(out.dtype))
    gradients = [each.grad for each in (shown, *module.parameters())]
    return [out.detach(), *(each for each in gradients if each is not None)]


def error(found: Tensor, exact: Tensor) -> float:
    return ((found.double() - exact).norm() / exact.norm()).item()


@pytest.mark.parametrize(("size", "taps", "stride", "padding"), GEOMETRIES)
def test_a_small_map_gives_what_the_library_gives(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], taps: int, stride: int, padding: int
) -> None:
    monkeypatch.setattr(small_maps, "LARGE", 1)
    ours, theirs = pair(6, 5, taps, stride=stride, padding=padding, bias=True)
    shown = images(4, 6, *size)
    for mine, library in zip(learned(ours, shown), learned(theirs, shown), strict=True):
        torch.testing.assert_close(mine, library)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [1, 2, 4])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_rounds_as_its_format_allows(precision: str, side: int, stride: int) -> None:
    ours, theirs = pair(192, 192, 3, stride, padding=1)
    shown = images(16, 192, side, side)
    if precision == "bf16":  # what autocast makes of them is not its error
        shown = shown.bfloat16().float()
        for module in (ours, theirs):
            module.weight.data = module.weight.data.bfloat16().float()
    exact = learned(deepcopy(theirs).double(), shown.double())
    allowed = {"fp32": 1e-6, "bf16": 0.004}[precision]  # 2 ** -8 is the last of the digits
    for found, truth in zip(learned(ours, shown, precision), exact, strict=True):
        assert error(found, truth) <= allowed


@pytest.mark.parametrize("groups", [1, 32])
@pytest.mark.parametrize(("side", "taps", "stride"), [(1, 3, 2), (1, 5, 1), (1, 5, 2), (2, 7, 1), (2, 5, 2)])
def test_no_gradient_is_left_to_what_lay_in_memory(side: int, taps: int, stride: int, groups: int) -> None:
    """In bf16 the library does not write that of taps which meet nothing but the border."""
    theirs = nn.Conv2d(32, 32, taps, stride, taps // 2, groups=groups, bias=False)
    ours = deepcopy(theirs)
    install(ours)
    shown = images(16, 32, side, side)
    exact = learned(deepcopy(theirs).double(), shown.double())
    for _ in range(5):
        for size in (ours.weight.numel() // 2, ours.weight.numel()):
            dirty = [torch.full((size,), torch.nan) for _ in range(8)]
            del dirty
        for found, truth in zip(learned(ours, shown, "bf16"), exact, strict=True):
            assert error(found, truth) < 0.02


@pytest.mark.parametrize(("size", "taps", "stride", "padding"), [each for each in GEOMETRIES if 2 * each[3] <= each[1]])
def test_what_is_cut_to_taps_that_meet_something_gives_what_the_whole_filter_gives(
    size: tuple[int, int], taps: int, stride: int, padding: int
) -> None:
    ours, theirs = pair(6, 5, taps, stride=stride, padding=padding, bias=True)
    shown = images(4, 6, *size)
    exact = learned(deepcopy(theirs).double(), shown.double())
    for found, truth in zip(learned(ours, shown, "bf16"), exact, strict=True):
        assert error(found, truth) < 0.02


def test_in_inference_it_is_the_library_to_the_bit() -> None:
    ours, theirs = pair(256, 256, 3, padding=1)
    shown = images(8, 256, 2, 2)
    with torch.inference_mode(), autocast(CPU, "bf16"):
        assert torch.equal(ours(shown), theirs(shown))


@pytest.mark.parametrize(("side", "trained"), [(5, True), (2, False)])
def test_a_large_map_and_weights_that_are_not_trained_are_left_to_the_library(
    monkeypatch: pytest.MonkeyPatch, side: int, trained: bool
) -> None:
    monkeypatch.setattr(small_maps, "_Convolution", None)
    ours, theirs = pair(256, 256, 3, padding=1)
    for module in (ours, theirs):
        module.requires_grad_(trained)
    shown = images(2, 256, side, side)
    for mine, library in zip(learned(ours, shown), learned(theirs, shown), strict=True):
        assert torch.equal(mine, library)


@pytest.mark.parametrize("side", [1, 4])
def test_a_small_map_is_not(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    monkeypatch.setattr(small_maps, "_Convolution", None)
    with pytest.raises(AttributeError):
        pair(256, 256, 3, padding=1)[0](images(2, 256, side, side))


def test_only_plain_convolutions_are_changed() -> None:
    class Own(nn.Conv2d):
        pass

    left = [
        nn.Conv2d(256, 256, 3, dilation=2),
        nn.Conv2d(256, 256, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(256, 256, 3, padding="same"),
        Own(256, 256, 3),
    ]
    model = nn.Sequential(*left, nn.Conv2d(256, 128, 3))
    kinds = [type(module) for module in left]
    install(model)
    assert [type(module) for module in model] == [*kinds, SmallMapConv2d]


@pytest.mark.parametrize("sizes", [(1, 256, 2, 2), (1, 255, 6, 6), (256, 0, 6)])
def test_images_that_do_not_fit_are_refused_in_the_words_of_the_library(sizes: tuple[int, ...]) -> None:
    said = []
    for module in pair(256, 256, 5):
        with pytest.raises(RuntimeError) as refusal:
            module(torch.zeros(sizes))
        said.append(str(refusal.value))
    assert said[0] == said[1]


def test_a_single_image_without_a_batch_is_taken_as_by_the_library() -> None:
    ours, theirs = pair(256, 256, 3, padding=1)
    shown = torch.randn(256, 2, 2)
    for mine, library in zip(learned(ours, shown), learned(theirs, shown), strict=True):
        assert torch.equal(mine, library)


def test_gradients_lie_in_memory_as_weights_do_or_the_optimizer_would_copy_them() -> None:
    ours, _ = pair(256, 256, 3, padding=1)
    ours(images(2, 256, 2, 2)).sum().backward()
    assert ours.weight.grad is not None
    assert ours.weight.grad.stride() == ours.weight.stride()


def test_the_gradient_of_the_first_layer_asks_for_none_of_the_images() -> None:
    ours, theirs = pair(256, 256, 3, padding=1)
    shown = images(2, 256, 2, 2)
    for module in (ours, theirs):
        functional.mse_loss(module(shown), torch.zeros(2, 256, 2, 2)).backward()
    assert ours.weight.grad is not None and theirs.weight.grad is not None
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize(("mode", "installed"), [(PLAIN, True), (Mode(compiled=True), False)])
def test_a_worker_on_a_cpu_trains_with_it_unless_the_compiler_does_the_work(mode: Mode, installed: bool) -> None:
    first = build(Recipe(backbone="resnet18"), 3, 0)
    net = Net(deepcopy(first), CPU, mode)
    assert any(isinstance(module, SmallMapConv2d) for module in net.model.modules()) is installed
    assert not any(isinstance(module, SmallMapConv2d) for module in first.modules())
    assert net.model.state_dict().keys() == first.state_dict().keys()

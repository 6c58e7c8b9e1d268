"""The stem for small images."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from tests.trainer.test_backbone import recipe, saved
from trainer.backbone import BackboneError, build

LARGER = {  # how much, on each side, the feature map grows
    "test_resnet": 4,
    "resnet18": 4,
    "resnet26d": 4,
    "resnetblur18": 4,
    "resnetv2_18": 4,
    "resnetv2_50x1_bit": 4,
    "test_nfnet": 4,
    "densenet121": 4,
    "test_convnext": 4,
    "mobilenetv3_small_050": 2,
    "test_efficientnet": 2,
    "efficientnet_b0": 2,
    "regnetx_002": 2,
    "repvgg_a0": 2,
}


def features(model: nn.Module, size: int = 64) -> torch.Size:
    with torch.no_grad():
        return model.eval().forward_features(torch.zeros(1, 1, size, size)).shape  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("backbone", LARGER)
def test_a_small_stem_leaves_a_larger_map_and_the_same_features(backbone: str) -> None:
    native = features(build(recipe(backbone), 3, seed=0))
    model = build(recipe(backbone, stem="small"), 3, seed=0)
    small = features(model)
    assert small[1] == native[1]
    assert [small[2], small[3]] == [LARGER[backbone] * side for side in native[2:]]
    assert model(torch.rand(2, 1, 16, 16)).shape == (2, 3)


def test_the_first_convolution_is_3x3_of_stride_1_and_no_pooling_follows() -> None:
    model = build(recipe("resnet18", stem="small"), 3, seed=0)
    first = model.get_submodule("conv1")
    assert isinstance(first, nn.Conv2d)
    assert (first.kernel_size, first.stride, first.padding) == ((3, 3), (1, 1), (1, 1))
    assert first.weight.shape == (64, 1, 3, 3)
    assert isinstance(model.get_submodule("maxpool"), nn.Identity)


def test_all_but_the_first_convolution_starts_as_with_a_native_stem() -> None:
    small = build(recipe("resnet18", stem="small"), 3, seed=4).state_dict()
    native = build(recipe("resnet18"), 3, seed=4).state_dict()
    assert small.keys() == native.keys()
    assert [name for name in small if not torch.equal(small[name], native[name])] == ["conv1.weight"]
    again = build(recipe("resnet18", stem="small"), 3, seed=4).state_dict()
    assert torch.equal(small["conv1.weight"], again["conv1.weight"])


def test_a_kernel_that_is_3x3_already_keeps_its_weights() -> None:
    small, native = (build(recipe("test_efficientnet", stem=stem), 3, seed=4) for stem in ("small", "native"))
    assert torch.equal(small.get_parameter("conv_stem.weight"), native.get_parameter("conv_stem.weight"))


def test_weights_fill_a_small_stem_that_fits_and_leave_one_that_does_not(tmp_path: Path) -> None:
    drawn = build(recipe("resnet18", stem="small"), 3, seed=2)
    for stem, taken in (("native", False), ("small", True)):
        teacher = build(recipe("resnet18", stem=stem), 5, seed=1)
        weights, files = saved(teacher.state_dict(), tmp_path / f"{stem}.safetensors")
        pupil = build(recipe("resnet18", stem="small", weights=weights), 3, seed=2, files=files)
        source = teacher if taken else drawn
        assert torch.equal(pupil.get_parameter("conv1.weight"), source.get_parameter("conv1.weight"))
        assert torch.equal(pupil.get_parameter("layer1.0.conv1.weight"), teacher.get_parameter("layer1.0.conv1.weight"))


@pytest.mark.parametrize(
    ("backbone", "reason"),
    [
        ("test_vit", "patches of 16 px"),
        ("swin_tiny_patch4_window7_224", "patches of 4 px"),
        ("xcit_nano_12_p8_224", "a sequence of patches"),
        ("vgg13", "stride 1 already"),
        ("tresnet_m", "no convolution over the image"),
        ("nf_resnet26", "scaled"),
    ],
)
def test_an_architecture_without_such_a_stem_is_refused_in_one_line(backbone: str, reason: str) -> None:
    # the weights of these large nets are of no interest
    with (
        torch.device("meta"),
        pytest.raises(BackboneError, match=f"{backbone} cannot have a small stem: .*{reason}") as e,
    ):
        build(recipe(backbone, stem="small"), 3, seed=0)
    assert str(e.value).endswith("use stem native") and "\n" not in str(e.value)


def test_every_small_architecture_of_timm_gets_a_small_stem_or_is_refused() -> None:
    refused = set()
    for backbone in timm.list_models("test_*"):
        try:
            model = build(recipe(backbone, image_size=64, stem="small"), 3, seed=0)
        except BackboneError:
            refused.add(backbone)
        else:
            assert model(torch.rand(2, 1, 64, 64)).shape == (2, 3)
    assert refused == {"test_coatnet", *timm.list_models("test_vit*")}  # their positions are fixed

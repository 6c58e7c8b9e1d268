from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from trainer.backbone import BackboneError, build
from trainer.recipe import Recipe
from trainer.weights import digest_of_file

CLAIMED = ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"]


def recipe(backbone: str = "test_resnet", **changes: object) -> Recipe:
    return Recipe(backbone=backbone, image_size=32).model_copy(update=changes)


def head(model: nn.Module) -> nn.Linear:
    return model.get_classifier()  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("backbone", CLAIMED)
def test_a_claimed_architecture_has_its_classifier_replaced_and_xavier_initialised(
    backbone: str, channels: int
) -> None:
    model = build(recipe(backbone, channels=channels), 7, seed=0)
    assert model(torch.zeros(2, channels, 32, 32)).shape == (2, 7)
    weight, bias = head(model).weight, head(model).bias
    bound = (6 / (weight.shape[0] + weight.shape[1])) ** 0.5
    assert bound * 0.9 < weight.abs().max().item() <= bound
    assert bias.abs().max() == 0


@pytest.mark.parametrize("backbone", CLAIMED)
def test_a_seed_is_a_start_whatever_was_drawn_before(backbone: str) -> None:
    torch.manual_seed(1)
    one = build(recipe(backbone), 3, seed=0).state_dict()
    torch.manual_seed(2)
    ambient = torch.random.get_rng_state()
    again = build(recipe(backbone), 3, seed=0).state_dict()
    assert torch.equal(torch.random.get_rng_state(), ambient)
    assert all(torch.equal(one[name], again[name]) for name in one)
    other = build(recipe(backbone), 3, seed=1).state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_wrong_name_is_refused_with_a_close_one() -> None:
    with pytest.raises(BackboneError, match="no backbone 'tst_resnet': did you mean test_resnet"):
        build(recipe("tst_resnet"), 3, seed=0)


def test_an_unknown_tag_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BackboneError, match="known are r160_in1k"):
        build(recipe(weights="timm:nothing"), 3, seed=0)


def test_what_an_architecture_does_not_take_is_said_in_one_line() -> None:
    with pytest.raises(BackboneError, match=r"drop_path_rate 0\.1") as error:
        build(recipe("vgg11", drop_path=0.1), 3, seed=0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("backbone", CLAIMED)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_make_the_round_trip_but_for_the_head(backbone: str, suffix: str, tmp_path: Path) -> None:
    teacher = build(recipe(backbone), 5, seed=1)
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": teacher.state_dict()}, file)
    else:
        save_file(teacher.state_dict(), file)
    wanted = recipe(backbone, weights=f"sha256:{digest_of_file(file)}")
    pupil = build(wanted, 3, seed=2, weights_file=file)
    head_weights = {id(tensor) for tensor in head(pupil).parameters()}
    for name, parameter in pupil.named_parameters():
        if id(parameter) not in head_weights:
            assert torch.equal(parameter, teacher.get_parameter(name)), name
    assert torch.equal(head(pupil).weight, head(build(recipe(backbone), 3, seed=2)).weight)


@pytest.mark.parametrize(("given", "wanted"), [(3, 1), (1, 3)])
def test_weights_for_other_channels_see_a_grey_image_as_before(given: int, wanted: int, tmp_path: Path) -> None:
    teacher = build(recipe(channels=given), 5, seed=1)
    file = tmp_path / "weights.safetensors"
    save_file(teacher.state_dict(), file)
    pupil = build(recipe(channels=wanted, weights=f"sha256:{digest_of_file(file)}"), 5, seed=2, weights_file=file)
    grey = torch.rand(2, 1, 32, 32)
    seen = [
        model.eval().get_submodule("conv1")(grey.expand(-1, count, -1, -1))
        for model, count in ((teacher, given), (pupil, wanted))
    ]
    assert torch.allclose(*seen, atol=1e-4)


def refusal(file: Path | None, backbone: str = "test_resnet", digest: str | None = None) -> str:
    known = digest or (digest_of_file(file) if file else "0" * 64)
    with pytest.raises(BackboneError) as error:
        build(recipe(backbone, weights=f"sha256:{known}"), 3, seed=0, weights_file=file)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_weights_that_cannot_be_had_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(build(recipe("test_vit"), 3, seed=0).state_dict(), file)
    assert "say where that file is" in refusal(None)
    assert "cannot be read" in refusal(tmp_path / "none.pth", digest="0" * 64)
    assert "is not the file the recipe names" in refusal(file, digest="0" * 64)
    assert "does not fit the backbone: conv1.0.weight is missing" in refusal(file)
    file.write_bytes(b"neither zip nor pickle")
    assert "not a .safetensors or plain .pth file" in refusal(file)
    torch.save({"epoch": 3}, file)
    assert "hold no table of tensors" in refusal(file)


def test_a_weights_file_runs_no_code(tmp_path: Path) -> None:
    file = tmp_path / "evil.pth"
    torch.save({"state_dict": Evil(tmp_path / "done")}, file)
    refusal(file)
    assert not (tmp_path / "done").exists()


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return Path.touch, (self.trace,)

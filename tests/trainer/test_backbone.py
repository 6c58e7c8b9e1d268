from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from trainer.backbone import BackboneError, build
from trainer.recipe import Recipe
from trainer.weights import digest_of_file

CLAIMED = ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"]


def recipe(backbone: str = "test_resnet", **changes: object) -> Recipe:
    return Recipe(backbone=backbone, image_size=32).model_copy(update=changes)


def head(model: nn.Module) -> nn.Linear:
    return model.get_classifier()  # pyright: ignore[reportCallIssue]


def saved(weights: dict[str, Tensor], file: Path) -> tuple[str, dict[str, Path]]:
    """(what a recipe calls it, where this machine keeps it)"""
    if file.suffix == ".safetensors":
        save_file(weights, file)
    else:
        torch.save({"state_dict": weights}, file)
    digest = digest_of_file(file)
    return f"sha256:{digest}", {digest: file}


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
    weights, files = saved(teacher.state_dict(), tmp_path / f"weights{suffix}")
    pupil = build(recipe(backbone, weights=weights), 3, seed=2, files=files)
    head_weights = {id(tensor) for tensor in head(pupil).parameters()}
    for name, parameter in pupil.named_parameters():
        if id(parameter) not in head_weights:
            assert torch.equal(parameter, teacher.get_parameter(name)), name
    assert torch.equal(head(pupil).weight, head(build(recipe(backbone), 3, seed=2)).weight)


@pytest.mark.parametrize(("given", "wanted"), [(3, 1), (1, 3)])
def test_weights_for_other_channels_see_a_grey_image_as_before(given: int, wanted: int, tmp_path: Path) -> None:
    teacher = build(recipe(channels=given), 5, seed=1)
    weights, files = saved(teacher.state_dict(), tmp_path / "weights.safetensors")
    pupil = build(recipe(channels=wanted, weights=weights), 5, seed=2, files=files)
    grey = torch.rand(2, 1, 32, 32)
    seen = [
        model.eval().get_submodule("conv1")(grey.expand(-1, count, -1, -1))
        for model, count in ((teacher, given), (pupil, wanted))
    ]
    assert torch.allclose(*seen, atol=1e-4)


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.model."])
def test_what_training_programs_put_before_every_name_is_taken_off(prefix: str, tmp_path: Path) -> None:
    teacher = build(recipe(), 5, seed=1)
    named = {f"{prefix}{name}": tensor for name, tensor in teacher.state_dict().items()}
    weights, files = saved(named, tmp_path / "weights.pth")
    pupil = build(recipe(weights=weights), 5, seed=2, files=files)
    assert torch.equal(pupil.get_parameter("conv1.0.weight"), teacher.get_parameter("conv1.0.weight"))


def refusal(file: Path | None, backbone: str = "test_resnet", digest: str | None = None, **changes: object) -> str:
    known = digest or (digest_of_file(file) if file else "0" * 64)
    wanted = recipe(backbone, weights=f"sha256:{known}", **changes)
    with pytest.raises(BackboneError) as error:
        build(wanted, 3, seed=0, files={known: file} if file else {})
    assert "\n" not in str(error.value)
    return str(error.value)


def test_weights_that_cannot_be_had_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(build(recipe("test_vit"), 3, seed=0).state_dict(), file)
    assert "say where that file is" in refusal(None)
    assert "cannot be read" in refusal(tmp_path / "none.pth", digest="0" * 64)
    assert "is not the file the recipe names" in refusal(file, digest="0" * 64)
    file.write_bytes(b"neither zip nor pickle")
    assert "not a .safetensors or plain .pth file" in refusal(file)
    torch.save({"epoch": 3}, file)
    assert "hold no table of tensors" in refusal(file)


def test_weights_of_another_architecture_are_told_apart_by_what_they_fit(tmp_path: Path) -> None:
    file = tmp_path / "best.pth"
    torch.save(build(recipe("test_vit"), 3, seed=0).state_dict(), file)
    said = refusal(file)
    assert "does not fit backbone test_resnet: it has 0 of the" in said
    assert "conv1.0.weight is missing" in said and "they fit backbone test_vit" in said
    named = tmp_path / "best-resnet18-fold3.pth"  # of another family than the recipe's: known by its name
    torch.save(build(recipe("resnet18"), 3, seed=0).state_dict(), named)
    assert "they fit backbone resnet18" in refusal(named)


def test_weights_that_nearly_fit_say_what_to_change(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(build(recipe("test_vit"), 3, seed=0).state_dict(), file)
    assert "use the image_size that they were trained with" in refusal(file, "test_vit", image_size=64)
    torch.save(build(recipe("resnet18", stem="small"), 3, seed=0).state_dict(), file)
    assert "use the stem that they were trained with" in refusal(file, "resnet18")
    torch.save({"anything": torch.zeros(1)}, file)
    assert "use the backbone that they were trained as" in refusal(file)


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

"""A backbone in a file of the user's own."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainer.test_backbone import saved
from tests.trainer.test_heads import PARTS
from trainer.backbone import BackboneError, build
from trainer.custom import CustomError
from trainer.recipe import Recipe

SOURCE = """
import timm
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, num_classes, in_chans=3, drop_rate=0.0):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(in_chans, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.drop = nn.Dropout(drop_rate)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, images):
        return self.fc(self.drop(self.features(images).flatten(1)))

    def get_classifier(self):
        return self.fc


class Headless(Net):
    get_classifier = None


def plain(num_classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))


def from_timm(**settings):
    return timm.create_model("test_resnet", **settings)


def sized(num_classes, img_size):
    return nn.Sequential(nn.Flatten(), nn.Linear(img_size * img_size, num_classes))


def fixed():
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 7))


def feature_map(in_chans):
    return nn.Conv2d(in_chans, 3, 1)


def wrong_size(num_classes):
    return nn.Linear(99, num_classes)


def nothing():
    return None


def broken(num_classes):
    raise ValueError("no such thing\\nas this")
"""
Start = Callable[..., nn.Module]
IMAGES = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def start(tmp_path: Path) -> Start:
    file = tmp_path / "my_net.py"
    file.write_text(SOURCE, encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def made(name: str, seed: int = 0, parts: tuple = (), files: dict | None = None, **changes: object) -> nn.Module:
        recipe = Recipe(backbone=f"custom:my_net.py:{name}@{digest}").model_copy(update=changes)
        return build(recipe, 18 if parts else 3, seed, {digest: file, **(files or {})}, parts)

    return made


@pytest.mark.parametrize("name", ["Net", "Headless", "plain", "from_timm", "sized"])
def test_a_net_of_ones_own_is_told_what_it_asks_for_and_starts_by_the_seed(start: Start, name: str) -> None:
    torch.manual_seed(1)
    ambient = torch.random.get_rng_state()
    one = start(name)
    assert torch.equal(torch.random.get_rng_state(), ambient)
    assert one(IMAGES).shape == (4, 3)
    assert one.training
    torch.manual_seed(2)
    again, other = start(name).state_dict(), start(name, seed=1).state_dict()
    assert all(torch.equal(tensor, again[key]) for key, tensor in start(name).state_dict().items())
    assert any(not torch.equal(tensor, again[key]) for key, tensor in other.items())


def test_looking_at_its_logits_leaves_no_trace_in_a_net(start: Start) -> None:
    statistics = start("Net").state_dict()
    assert statistics["features.1.num_batches_tracked"] == 0 and (statistics["features.1.running_mean"] == 0).all()


def test_the_head_starts_as_the_recipe_says_where_the_net_tells_it(start: Start) -> None:
    assert (start("Net", head_init="zero").get_parameter("fc.weight") == 0).all()
    drawn = start("Net", head_init="native").get_parameter("fc.bias")
    assert (drawn != 0).any(), "as its author made it"
    assert (start("Net").get_parameter("fc.bias") == 0).all()
    assert (start("Headless", head_init="zero").get_parameter("fc.weight") != 0).any()


def test_a_net_of_ones_own_can_have_factored_heads(start: Start) -> None:
    model = start("Net", parts=PARTS, heads="factored")
    assert model(IMAGES).shape == (4, 18) and model.get_parameter("fc.weight").shape == (8, 8)


def test_a_net_of_ones_own_takes_weights_but_for_its_head(start: Start, tmp_path: Path) -> None:
    teacher = start("Net", seed=5)
    weights, files = saved(teacher.state_dict(), tmp_path / "weights.safetensors")
    pupil = start("Net", files=files, weights=weights)
    assert torch.equal(pupil.get_parameter("features.0.weight"), teacher.get_parameter("features.0.weight"))
    assert torch.equal(pupil.get_parameter("fc.weight"), start("Net").get_parameter("fc.weight"))
    assert torch.equal(start("Headless", files=files, weights=weights)(IMAGES), teacher(IMAGES))
    with pytest.raises(BackboneError, match=r"does not fit backbone plain: .*use weights of that very net"):
        start("plain", files=files, weights=weights)


def test_dropout_reaches_a_net_that_takes_it_and_is_refused_by_one_that_does_not(start: Start) -> None:
    drop = start("Net", dropout=0.25).get_submodule("drop")
    assert isinstance(drop, nn.Dropout) and drop.p == 0.25
    with pytest.raises(BackboneError, match="plain takes no drop_rate: use dropout 0"):
        start("plain", dropout=0.25)
    with pytest.raises(BackboneError, match="Net takes no drop_path_rate: use drop_path 0"):
        start("Net", drop_path=0.25)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("fixed", {}, r"returns \(2, 7\): return logits of the shape \(2, 3\)"),
        ("feature_map", {}, r"returns \(2, 3, 16, 16\): return logits"),
        ("wrong_size", {}, r"given images of the shape \(2, 1, 16, 16\), fails \(RuntimeError"),
        ("nothing", {}, r"makes NoneType: return a torch\.nn\.Module"),
        ("broken", {}, "cannot be made .ValueError: no such thing as this"),
        ("Net", {"stem": "small"}, "use stem native"),
        ("Net", {"weights": "timm:r160_in1k"}, "timm has no weights for Net"),
    ],
)
def test_a_net_that_cannot_be_used_is_refused_in_one_line(start: Start, name: str, changes: dict, said: str) -> None:
    with pytest.raises(BackboneError, match=said) as error:
        start(name, **changes)
    assert "\n" not in str(error.value)


def test_a_net_that_is_not_in_its_file_is_refused(start: Start) -> None:
    with pytest.raises(CustomError, match="defines no class or function 'Absent'"):
        start("Absent")

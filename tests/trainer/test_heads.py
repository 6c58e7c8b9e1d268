"""How the classifier starts, and several heads in one net."""

import copy
from pathlib import Path

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from tests.trainer.test_backbone import CLAIMED, head, recipe, saved
from trainer.averaging import Average
from trainer.backbone import BackboneError, build
from trainer.heads import JointLogits
from trainer.sources.source import Part

PARTS = (
    Part("mask", ("worn", "wrong", "none")),
    Part("gender", ("male", "female")),
    Part("age", ("young", "middle", "old")),
)
FACTORED = recipe(heads="factored")


def inputs() -> Tensor:
    return torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_joint_probabilities_are_the_product_of_the_heads(sizes: list[int]) -> None:
    logits = torch.randn(5, sum(sizes), generator=torch.Generator().manual_seed(sum(sizes)))
    joint = JointLogits(tuple(sizes))(nn.Identity(), (), logits).softmax(dim=1)
    heads = [part.softmax(dim=1) for part in logits.split(sizes, dim=1)]
    for label in range(joint.shape[1]):
        digits, rest = [], label
        for size in reversed(sizes):  # the last part is the lowest digit
            digits.append(rest % size)
            rest //= size
        wanted = torch.stack([part[:, digit] for part, digit in zip(heads, reversed(digits), strict=True)]).prod(dim=0)
        assert torch.allclose(joint[:, label], wanted, atol=1e-6)


def test_cross_entropy_of_factored_heads_is_the_sum_of_the_heads_own() -> None:
    model = build(FACTORED, 18, 0, parts=PARTS).eval()
    plain = timm.create_model("test_resnet", num_classes=8, in_chans=1).eval()
    plain.load_state_dict(model.state_dict())
    mask, gender, age = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 0, 1]), torch.tensor([2, 0, 1, 2])
    images = inputs()
    told = functional.cross_entropy(model(images), (mask * 2 + gender) * 3 + age)
    each = zip(plain(images).split((3, 2, 3), dim=1), (mask, gender, age), strict=True)
    assert told.item() == pytest.approx(sum(functional.cross_entropy(*pair).item() for pair in each), rel=1e-5)


def test_factored_weights_are_those_of_the_plain_architecture() -> None:
    model = build(FACTORED, 18, 0, parts=PARTS).eval()
    plain = build(recipe(), 8, 0)
    assert model(inputs()).shape == (4, 18)
    assert head(model).weight.shape[0] == 8
    ours, theirs = model.state_dict(), plain.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert dict(model.named_parameters()).keys() == dict(plain.named_parameters()).keys()
    assert dict(model.named_buffers()).keys() == dict(plain.named_buffers()).keys()


def test_copies_and_averages_of_a_factored_net_are_factored() -> None:
    model = build(FACTORED, 18, 0, parts=PARTS).eval()
    images = inputs()
    wanted = model(images)
    assert torch.equal(copy.deepcopy(model)(images), wanted)
    average = Average(model)
    assert torch.equal(average.model(images), wanted)
    with torch.no_grad():
        head(average.model).weight.zero_()
    assert torch.equal(model(images), wanted), "the twin has weights of its own"
    with torch.autocast("cpu", torch.bfloat16):
        assert model(images).dtype == torch.float32, "sums of logits are not rounded to bfloat16"


def test_factored_heads_take_weights_whatever_their_classes(tmp_path: Path) -> None:
    weights, files = saved(build(recipe(), 5, seed=1).state_dict(), tmp_path / "weights.safetensors")
    model = build(recipe(heads="factored", weights=weights), 18, 0, files, PARTS)
    assert torch.equal(head(model).weight, head(build(FACTORED, 18, 0, parts=PARTS)).weight)


@pytest.mark.parametrize(("classes", "parts"), [(18, ()), (3, PARTS[:1]), (10, PARTS)])
def test_factored_heads_without_a_product_are_refused_in_one_line(classes: int, parts: tuple[Part, ...]) -> None:
    with pytest.raises(BackboneError, match=r"heads factored needs labels that are a product.*use heads joint"):
        build(FACTORED, classes, 0, parts=parts)


def test_parts_change_nothing_for_a_joint_head() -> None:
    with_parts, without = build(recipe(), 18, 0, parts=PARTS), build(recipe(), 18, 0)
    assert torch.equal(with_parts(inputs()), without(inputs()))


@pytest.mark.parametrize("backbone", CLAIMED)
def test_a_head_of_zeros_answers_every_class_alike(backbone: str) -> None:
    model = build(recipe(backbone, head_init="zero"), 4, seed=0)
    assert torch.equal(model(inputs()), torch.zeros(4, 4))


@pytest.mark.parametrize("backbone", CLAIMED)
def test_a_native_head_is_drawn_as_timm_draws_it_with_and_without_weights(backbone: str, tmp_path: Path) -> None:
    teacher = build(recipe(backbone), 4, seed=1)
    weights, files = saved(teacher.state_dict(), tmp_path / "weights.safetensors")
    drawn = build(recipe(backbone, head_init="native"), 4, seed=2)
    loaded = build(recipe(backbone, head_init="native", weights=weights), 4, seed=2, files=files)
    assert torch.equal(head(drawn).weight, head(loaded).weight)
    assert not torch.equal(head(drawn).weight, head(build(recipe(backbone, head_init="native"), 4, seed=3)).weight)
    spread = head(timm.create_model(backbone, num_classes=4, in_chans=1)).weight.std().item()
    assert head(drawn).weight.std().item() == pytest.approx(spread, rel=0.35)


@pytest.mark.parametrize("head_init", ["zero", "native"])
def test_the_start_of_the_head_changes_nothing_else(head_init: str) -> None:
    one, other = build(recipe(), 4, seed=0), build(recipe(head_init=head_init), 4, seed=0)
    for name, parameter in one.named_parameters():
        if not name.startswith("fc."):
            assert torch.equal(parameter, other.get_parameter(name)), name
    assert not torch.equal(head(one).weight, head(other).weight)

"""Augmentations of the user's own."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.pictures import coloured, copies, draw
from trainer.augment.pipeline import pipeline
from trainer.batch import Batch
from trainer.custom import CustomError
from trainer.recipe import Chain, CustomAugment, Flip

SOURCE = """
import torch

def darker(images, draw, least=0.5):
    factor = torch.rand(len(images), 1, 1, 1, generator=draw, device=draw.device)
    return images * (least + (1 - least) * factor)

def finer(images, draw):
    return images.double()

class Frame:
    made = 0

    def __init__(self, width, size, mean):
        Frame.made += 1
        self.inside = torch.zeros(size, size, dtype=torch.bool)
        self.inside[width:-width, width:-width] = True
        self.mean = mean.view(1, -1, 1, 1)

    def __call__(self, images, draw):
        return torch.where(self.inside, images, self.mean)

class Gain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, images, draw):
        return images * self.gain

class Tint:
    def __init__(self):
        self.tint = torch.rand(1, 3, 1, 1)

    def __call__(self, images, draw):
        return images * self.tint

class NotCallable:
    pass

class Alone:
    def __call__(self, images):
        return images

def smaller(images, draw):
    return images[..., 1:]

def whole_numbers(images, draw):
    return (images * 255).long()

def nothing(images, draw):
    pass
"""
COUNT, SIZE = 64, 12
IMAGES, LABELS = copies(coloured(side=SIZE), COUNT), torch.arange(COUNT)
MEAN = torch.tensor([0.4, 0.5, 0.6])


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Batch]:
    """`own("darker", least=0.3)`: a batch after what the file of that name defines."""
    file = tmp_path / "my_augments.py"
    file.write_text(SOURCE, encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def run(name: str, *, flipped: bool = False, seed: int = 0, **settings: float) -> Batch:
        choice = CustomAugment(file=file.name, name=name, digest=digest, settings=tuple(settings.items()))
        augment = Chain(steps=(Flip(p=1), choice)) if flipped else choice
        return pipeline(augment, SIZE, MEAN, {digest: file})(IMAGES, LABELS, draw(seed))

    return run


def test_a_function_gets_images_generator_and_settings(own: Callable[..., Batch]) -> None:
    images = own("darker", least=0.25).images
    factors = images[:, 0, 5, 5] / IMAGES[:, 0, 5, 5]
    assert 0.25 <= factors.min() < 0.35 and 0.9 < factors.max() <= 1
    assert torch.equal(images, own("darker", least=0.25).images)
    assert not torch.equal(images, own("darker", least=0.25, seed=1).images)


def test_a_class_is_made_once_from_its_settings_with_size_and_mean_if_it_takes_them(own: Callable[..., Batch]) -> None:
    images = own("Frame", width=3).images
    assert torch.equal(images[..., 3:-3, 3:-3], IMAGES[..., 3:-3, 3:-3])
    assert torch.equal(images[0, :, 0, 0], MEAN)


def test_a_module_learns_nothing_here(own: Callable[..., Batch]) -> None:
    images = own("Gain").images
    assert torch.equal(images, IMAGES / 2) and not images.requires_grad


def test_a_class_that_draws_when_made_is_the_same_in_every_worker(own: Callable[..., Batch]) -> None:
    state = torch.get_rng_state()
    one = own("Tint").images
    torch.manual_seed(7)
    assert torch.equal(own("Tint").images, one)
    torch.set_rng_state(state)


def test_other_floats_become_float32(own: Callable[..., Batch]) -> None:
    images = own("finer").images
    assert images.dtype == torch.float32 and torch.equal(images, IMAGES)


def test_it_takes_its_place_in_a_chain(own: Callable[..., Batch]) -> None:
    assert torch.equal(own("darker", flipped=True, least=1.0).images, IMAGES.flip(3))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("smaller", {}, r"my_augments.py:smaller returned torch.float32 of the shape \(64, 3, 12, 11\): return floats"),
        ("whole_numbers", {}, r"returned torch.int64 of the shape .*: return floats of the shape \(64, 3, 12, 12\)"),
        ("nothing", {}, r"returned NoneType: return the images it was given, changed"),
        (
            "darker",
            {"most": 2.0},
            r"darker cannot be called with \(images, draw, most=...\), .*'most': mend it or its set",
        ),
        ("Frame", {}, r"Frame cannot be made \(TypeError: .*'width'\): mend it or its settings"),
        ("Frame", {"width": 7.5}, r"Frame cannot be made \(TypeError: .*\): mend it or its settings"),
        ("NotCallable", {}, r"NotCallable makes nothing that can be called: give it __call__\(self, images, draw\)"),
        ("Alone", {}, r"Alone cannot be called with \(images, draw\), .*: mend it"),
        ("lighter", {}, r"defines no class or function 'lighter'"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    own: Callable[..., Batch], name: str, settings: dict[str, float], said: str
) -> None:
    with pytest.raises(CustomError, match=said) as caught:
        own(name, **settings)
    assert "\n" not in str(caught.value)

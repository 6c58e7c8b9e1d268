import pytest
import torch
from torch import nn

from trainer.averaging import Average
from trainer.normalise import Normalise
from trainer.recipe import Recipe


def test_the_average_is_the_bias_corrected_exponential_one() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = Average(model)
    decay, total, weights = 0.5 ** (1 / 3), 0.0, 0.0
    for value in (5.0, -1.0, 2.0, 8.0):
        nn.init.constant_(model.weight, value)
        average.update(half_life=3)
        total, weights = decay * total + (1 - decay) * value, decay * weights + (1 - decay)
        assert average.model.get_parameter("weight").item() == pytest.approx(total / weights, rel=1e-5)


def test_the_first_weights_leave_no_trace() -> None:
    model = nn.Linear(2, 2)
    average = Average(model)
    nn.init.constant_(model.weight, 7)
    average.update(half_life=100)
    assert torch.equal(average.model.get_parameter("weight"), torch.full((2, 2), 7.0))


def test_half_life_zero_is_no_averaging() -> None:
    model = nn.Linear(2, 2)
    average = Average(model)
    for value in (1.0, 2.0):
        nn.init.constant_(model.weight, value)
        average.update(half_life=0)
    assert torch.equal(average.model.get_parameter("weight"), model.weight.detach())


def test_batch_norm_statistics_are_averaged_over_batches_even_without_averaged_weights() -> None:
    model = nn.BatchNorm1d(1)
    average = Average(model)
    for level in (10.0, 12.0):
        model(level + torch.tensor([[-1.0], [1.0]]))
        average.update(half_life=0)
    assert 11 < average.model.get_buffer("running_mean").item() < 12
    assert average.model.get_buffer("num_batches_tracked").item() == 2


def test_averaging_changes_neither_weights_nor_mode_of_the_model() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = [parameter.clone() for parameter in model.parameters()]
    average = Average(model)
    average.update(half_life=1)
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    assert model.training and not average.model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_training_images_come_out_with_mean_zero_and_deviation_one_per_channel() -> None:
    images = torch.randint(0, 256, (100, 3, 5, 5), dtype=torch.uint8)
    images[:, 1] //= 4
    train = torch.arange(0, 100, 2)
    result = Normalise.of(Recipe(channels=3), images, train).bytes(images[train])
    assert torch.allclose(result.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(result.std(dim=(0, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    assert result.dtype == torch.float32


def test_an_empty_channel_stays_finite() -> None:
    images = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)
    assert Normalise.of(Recipe(), images, torch.arange(4)).bytes(images).abs().max() == 0

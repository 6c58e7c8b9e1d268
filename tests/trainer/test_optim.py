"""The learning rate is given for batches of 64; other sizes scale it."""

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from trainer.optim import lr_scale, optimizer_of
from trainer.recipe import REFERENCE_BATCH, SGD, AdamW, Recipe
from trainer.stored import StoredAdamW


def test_at_the_reference_batch_nothing_is_scaled() -> None:
    assert REFERENCE_BATCH == 64
    assert lr_scale(Recipe(optimizer=SGD()), 1000) == lr_scale(Recipe(optimizer=AdamW()), 1000) == 1


def test_sgd_scales_in_proportion_and_adamw_by_the_square_root() -> None:
    assert lr_scale(Recipe(optimizer=SGD(), batch_size=256), 1000) == 4
    assert lr_scale(Recipe(optimizer=AdamW(), batch_size=256), 1000) == 2
    assert lr_scale(Recipe(optimizer=AdamW(), batch_size=16), 1000) == 0.5


@pytest.mark.parametrize("batch_size", [16, 64, 256])
def test_the_decay_of_an_epoch_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    """AdamW shrinks a weight without gradient by lr * decay a step: over the steps of an epoch by the same factor."""
    recipe = Recipe(optimizer=AdamW(weight_decay=0.05), batch_size=batch_size, lr=0.001)
    model = nn.Linear(4, 4, bias=False)
    nn.init.ones_(model.weight)
    optimizer = optimizer_of(recipe, model, 12_800)
    for group in optimizer.param_groups:
        group["lr"] = recipe.lr * lr_scale(recipe, 12_800)
    model.weight.grad = torch.zeros_like(model.weight)
    for _ in range(12_800 // batch_size):
        optimizer.step()
    assert model.weight.mean().item() == pytest.approx((1 - 0.001 * 0.05) ** 200, rel=1e-4)


def test_a_batch_is_never_larger_than_what_there_is_to_put_in_it() -> None:
    assert lr_scale(Recipe(optimizer=SGD(), batch_size=4096), 128) == 2
    assert lr_scale(Recipe(optimizer=SGD(), batch_size=4096, epoch_images=256), 1000) == 4


def filters(layout: torch.memory_format) -> nn.Sequential:
    """Of sizes with and without a rest for the processor's vectors."""
    torch.manual_seed(0)
    sizes = ((1, 3, 7), (3, 5, 3), (5, 48, 3), (48, 16, 1), (16, 33, 2))
    made = nn.Sequential(*(nn.Conv2d(*each) for each in sizes))
    return made.to(memory_format=layout)  # pyright: ignore[reportCallIssue]


def descended(kind: type[torch.optim.AdamW], model: nn.Module, steps: int) -> nn.Module:
    optimizer = kind(model.parameters(), lr=torch.tensor(0.01), weight_decay=0.05, fused=True)
    draw = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for weight in model.parameters():
            weight.grad = torch.empty_like(weight).copy_(torch.randn(weight.shape, generator=draw))
        optimizer.step()
    return model


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_weights_taken_as_they_lie_in_memory_descend_as_torchs_own_to_the_bit(layout: torch.memory_format) -> None:
    ours, theirs = (descended(kind, filters(layout), 6) for kind in (StoredAdamW, torch.optim.AdamW))
    for mine, library in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, library)


def test_a_step_on_a_cpu_copies_no_filter() -> None:
    """It would take three times as long: what is not contiguous is copied there and back by torch's fused kernel."""
    model = filters(torch.channels_last)
    optimizer = optimizer_of(Recipe(optimizer=AdamW()), model, 64)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        optimizer.step()
    done = {event.key for event in seen.key_averages()}
    assert "aten::_fused_adamw_" in done
    assert "aten::clone" not in done

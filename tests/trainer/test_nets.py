"""A net that is lent to one run after the other, and every mode it can work in."""

import gc
import weakref
from functools import partial
from typing import Any

import pytest
import torch

from tests.trainer.conftest import CPU, SMALL
from tests.trainer.test_run import BLOWS_UP, RANDOM, outcome, same_run, through_a_file
from trainer.averaging import tensors_of
from trainer.backbone import build
from trainer.data import Dataset
from trainer.execution import Mode
from trainer.net import OPTIMIZERS
from trainer.nets import KEPT, OF_THE_RUN, Nets
from trainer.recipe import SGD, AdamW, ClassBalanced, Focal, Recipe
from trainer.replicate import Replicate
from trainer.run import Run

CHANGES: list[dict[str, Any]] = [
    {},
    RANDOM,
    {"optimizer": SGD(), "lr": 0.05},
    {"loss": ClassBalanced()},
    {"loss": Focal(), "lr": 0.01, "batch_size": 48},
]
SHORT = SMALL.model_copy(update={"epochs": 3, "decay_epochs": 1, "epoch_images": 128})


def trained(digits: Dataset, nets: Nets | None, changes: dict[str, Any], number: int = 0) -> Run:
    run = Run(SHORT.model_copy(update=changes), Replicate.numbered(number), digits, CPU, nets=nets)
    list(run)
    return run


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_run_on_a_net_that_served_others_is_the_run_on_a_net_of_its_own(
    digits: Dataset, changes: dict[str, Any]
) -> None:
    nets = Nets()
    for others in (BLOWS_UP, {"optimizer": SGD()}, {}):  # weights that are not finite, momentum, a seed of its own
        trained(digits, nets, others, number=2)
    assert same_run(trained(digits, nets, changes), trained(digits, None, changes))


def test_nets_are_built_once_for_all_runs_of_one_kind(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []
    monkeypatch.setattr("trainer.nets.build", lambda *given: built.append(given[2]) or build(*given))
    nets = Nets()
    models = set()
    for changes in ({}, {"lr": 0.01}, {"loss": Focal()}, {"optimizer": SGD()}):
        run = Run(SHORT.model_copy(update=changes), Replicate.numbered(0), digits, CPU, nets=nets)
        models.add(id(run._learner._net.model))
        del run
        gc.collect()
    assert len(models) == len(built) == 1


def test_nets_that_are_dropped_are_built_anew_and_their_memory_is_free(digits: Dataset) -> None:
    nets = Nets()
    run = trained(digits, nets, {})
    model = weakref.ref(run._learner._net.model)
    del run
    gc.collect()
    assert model() is not None
    nets.drop()
    gc.collect()
    assert model() is None
    assert same_run(trained(digits, nets, {}), trained(digits, None, {}))


def test_only_the_latest_nets_and_optimizers_are_kept(digits: Dataset) -> None:
    nets = Nets()
    for number in range(1, 12):
        nets.take(torch.nn.Identity(), Recipe(dropout=number / 100), 10, 0, CPU, {}, ())
    assert len(nets._nets) == KEPT
    taker = torch.nn.Identity()
    net = nets.take(taker, Recipe(), 10, 0, CPU, {}, ())
    for number in range(1, 8):
        net.stepper(Recipe(optimizer=AdamW(weight_decay=number / 100)), 100)
    assert len(net._steppers) == OPTIMIZERS


def test_runs_at_work_side_by_side_have_nets_of_their_own(digits: Dataset) -> None:
    nets = Nets()
    together = [Run(SHORT.model_copy(update={"lr": lr}), Replicate.numbered(0), digits, CPU, nets=nets) for lr in LRS]
    for _ in zip(*together, strict=True):
        pass
    alone = [trained(digits, None, {"lr": lr}) for lr in LRS]
    assert [outcome(run) for run in together] == [outcome(run) for run in alone]


LRS = (0.001, 0.01)


def test_a_run_goes_on_upon_a_net_that_served_others(digits: Dataset) -> None:
    nets, whole = Nets(), trained(digits, None, RANDOM)
    first = Run(SHORT.model_copy(update=RANDOM), Replicate.numbered(0), digits, CPU, nets=nets)
    next(first)
    state = through_a_file(first.state_dict())
    list(first)
    del first
    resumed = Run(SHORT.model_copy(update=RANDOM), Replicate.numbered(0), digits, CPU, nets=nets)
    resumed.load_state_dict(state)
    list(resumed)
    assert same_run(resumed, whole)


# One change of every field that is of the net, so that a new field has to be thought about here.
OF_THE_NET: dict[str, Any] = {
    "backbone": "test_resnet",
    "weights": None,
    "image_size": 24,
    "channels": 3,
    "stem": "small",
    "heads": "joint",
    "head_init": "zero",
    "dropout": 0.5,
    "drop_path": 0.5,
    "precision": "bf16",
}


def test_every_field_is_known_to_be_of_the_net_or_of_the_run() -> None:
    assert OF_THE_RUN.isdisjoint(OF_THE_NET)
    assert set(Recipe.model_fields) == OF_THE_RUN | set(OF_THE_NET)


@pytest.mark.parametrize("field", OF_THE_NET)
def test_a_lent_net_is_what_building_it_would_give(field: str) -> None:
    nets, changed = Nets(), Recipe(**{field: OF_THE_NET[field]})
    for recipe in (Recipe(), changed, Recipe(), changed):
        for seed in (1, 2):
            taker = torch.nn.Identity()
            net, fresh = nets.take(taker, recipe, 10, seed, CPU, {}, ()), build(recipe, 10, seed)
            assert all(torch.equal(*pair) for pair in zip(tensors_of(net.model), tensors_of(fresh), strict=True))
            assert all(
                torch.equal(*pair) for pair in zip(tensors_of(net.average.model), tensors_of(fresh), strict=True)
            )
            shown = str(net.model).replace("momentum=1.0", "momentum=0.1").replace("SmallMapConv2d", "Conv2d")
            assert shown == str(fresh)
            with torch.no_grad():
                for tensor in tensors_of(net.model):
                    tensor.fill_(7)


def test_the_layout_changes_nothing_but_the_last_bits_and_never_what_is_saved(digits: Dataset) -> None:
    ends = [trained(digits, Nets(Mode(channels_last=on)), {"epoch_images": 640, "lr": 0.004}) for on in (False, True)]
    assert ends[0].epochs[0].train_loss == pytest.approx(ends[1].epochs[0].train_loss, rel=0.02)
    assert ends[0].epochs[-1].score == pytest.approx(ends[1].epochs[-1].score, abs=0.05)
    for run in ends:
        saved = [run.averaged_weights(), run.state_dict()["optimizer"]["state"][0]]
        assert all(tensor.is_contiguous() for tensors in saved for tensor in tensors.values())


@pytest.mark.parametrize("mode", [Mode(channels_last=False), Mode(), Mode(compiled=True)], ids=lambda mode: mode.label)
def test_a_resumed_run_is_the_same_run_in_every_mode(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    # The compiler's front only, which every machine has: the whole one needs a C++ compiler and a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))

    def start() -> Run:
        return Run(SHORT.model_copy(update=RANDOM), Replicate.numbered(0), digits, CPU, nets=Nets(mode))

    whole, first, resumed = start(), start(), start()
    list(whole)
    next(first)
    resumed.load_state_dict(through_a_file(first.state_dict()))
    list(resumed)
    assert same_run(resumed, whole)

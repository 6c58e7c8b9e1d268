"""What only a GPU can show."""

import pytest
import torch

from spaces.augment import AUGMENT
from spaces.loss import LOSS
from tests.trainer.conftest import SMALL
from tests.trainer.test_run import RANDOM, outcome, same_run, through_a_file
from trainer.data import Dataset
from trainer.execution import Mode
from trainer.feed import Feed
from trainer.learner import Learner
from trainer.nets import Nets
from trainer.randomness import generator
from trainer.recipe import LDAM, Augment, ClassBalanced, CrossEntropy, Loss, NoAugment
from trainer.replicate import Replicate
from trainer.run import Run

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
GPU = torch.device("cuda", 0)
GRAPHS = Mode(graphs=True)
LOSSES: tuple[Loss, ...] = LOSS.stages[1].domain.values()  # pyright: ignore[reportAssignmentType]
AUGMENTS: tuple[Augment, ...] = AUGMENT.stages[1].domain.values()  # pyright: ignore[reportAssignmentType]
PAIRS = [*((loss, NoAugment()) for loss in LOSSES), *((CrossEntropy(), augment) for augment in AUGMENTS)]


@pytest.mark.parametrize(("loss", "augment"), PAIRS, ids=lambda choice: choice.label)
@pytest.mark.parametrize("mode", [Mode(), GRAPHS], ids=lambda mode: mode.label)
def test_no_step_waits_for_the_device(digits: Dataset, loss: Loss, augment: Augment, mode: Mode) -> None:
    data = digits.to(GPU)
    recipe = SMALL.model_copy(update={"loss": loss, "augment": augment, "precision": "bf16"})
    rows = torch.from_numpy(data.development).to(GPU)
    feed = Feed(recipe, data, rows, 0, {})
    learner = Learner(recipe, data, rows, 0, feed.normalise, {}, Nets(mode))
    learner.train_mode()
    draw, positions = generator(GPU, 0, "augment"), torch.arange(recipe.batch_size, device=GPU)
    learner.step(feed.batch(positions, positions, draw), 1e-3, 10)  # what is built or captured once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            learner.step(feed.batch(positions, positions, draw), 1e-3, 10)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_captured_run_is_resumed_to_the_bit_also_after_others(digits: Dataset, precision: str) -> None:
    data, nets = digits.to(GPU), Nets(GRAPHS)
    recipe = SMALL.model_copy(update={"precision": precision, **RANDOM})

    def start(lent: Nets) -> Run:
        return Run(recipe, Replicate.numbered(0), data, GPU, nets=lent)

    whole, first = start(Nets(GRAPHS)), start(nets)
    list(whole)
    next(first)
    state = through_a_file(first.state_dict())
    list(first)
    assert same_run(first, whole)
    del first
    list(Run(recipe.model_copy(update={"lr": 0.02}), Replicate.numbered(1), data, GPU, nets=nets))
    resumed = start(nets)
    resumed.load_state_dict(state)
    list(resumed)
    assert same_run(resumed, whole)


@pytest.mark.parametrize("loss", [ClassBalanced(), LDAM()], ids=lambda loss: loss.label)
def test_the_weights_of_a_loss_live_as_long_as_the_step_that_was_captured_with_them(
    digits: Dataset, loss: Loss
) -> None:
    data, nets = digits.to(GPU), Nets(GRAPHS)
    first, second = (SMALL.model_copy(update={"loss": loss, "lr": lr}) for lr in (0.001, 0.004))
    list(Run(first, Replicate.numbered(0), data, GPU, nets=nets))
    stirred = [torch.full((10,), 1e6, device=GPU) for _ in range(1000)]  # takes whatever was freed
    runs = [Run(second, Replicate.numbered(0), data, GPU, nets=each) for each in (nets, Nets(GRAPHS))]
    for run in runs:
        list(run)
    assert len(stirred) == 1000 and outcome(runs[0]) == outcome(runs[1])


def test_captured_runs_that_alternate_are_each_as_alone(digits: Dataset) -> None:
    data, nets = digits.to(GPU), Nets(GRAPHS)
    recipes = [SMALL.model_copy(update={"lr": lr, **RANDOM}) for lr in (0.001, 0.01)]
    together = [Run(recipe, Replicate.numbered(0), data, GPU, nets=nets) for recipe in recipes]
    for _ in zip(*together, strict=True):
        pass
    alone = [Run(recipe, Replicate.numbered(0), data, GPU, nets=Nets(GRAPHS)) for recipe in recipes]
    for run in alone:
        list(run)
    assert [outcome(run) for run in together] == [outcome(run) for run in alone]


def test_a_captured_run_agrees_with_a_plain_one(digits: Dataset) -> None:
    data = digits.to(GPU)
    recipe = SMALL.model_copy(update={"epoch_images": None, "lr": 0.004})
    scores = []
    for mode in (Mode(), GRAPHS):
        run = Run(recipe, Replicate.numbered(0), data, GPU, nets=Nets(mode))
        scores.append(list(run)[-1].score)
    assert scores[0] == pytest.approx(scores[1], abs=0.03)

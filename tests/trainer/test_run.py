import io
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from spaces.augment import AUGMENT
from spaces.loss import LOSS
from tests.trainer.conftest import CPU, SMALL
from trainer import run as run_module
from trainer.backbone import build
from trainer.data import Dataset
from trainer.evaluation import score_of
from trainer.normalise import Normalise
from trainer.recipe import (
    SGD,
    AdamW,
    Augment,
    Chain,
    CrossEntropy,
    CutMix,
    Cutout,
    Flip,
    Focal,
    Hard,
    Loss,
    Mixup,
    NoAugment,
    Plateau,
    Recipe,
    Shift,
)
from trainer.replicate import Replicate
from trainer.run import Run, RunError

Start = Callable[..., Run]
LOSSES: tuple[Loss, ...] = LOSS.stages[1].domain.values()  # pyright: ignore[reportAssignmentType]
AUGMENTS: list[Augment] = [
    *AUGMENT.stages[1].domain.values(),  # pyright: ignore[reportAssignmentType]
    Chain(steps=(Flip(), Shift(), CutMix())),
    Hard(of=Chain(steps=(Shift(), Cutout())), copies=2),
    Hard(of=Mixup(), copies=1),
]
RANDOM = {"augment": Mixup(), "dropout": 0.2, "drop_path": 0.2}  # everything that draws, at once
BLOWS_UP = {"lr": 10_000, "optimizer": AdamW(weight_decay=10)}
STALLS = {"plateau": Plateau(patience=1, delta=1)}


def outcome(run: Run) -> list[tuple[Any, ...]]:
    """All that an epoch says but its wall time, exactly."""
    return [(e.number, e.phase, e.lr, e.train_loss, e.val_loss, e.score, e.images) for e in run.epochs]


def equal(one: Any, other: Any) -> bool:
    """Bit-equality of two trees of tensors and numbers."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def same_run(one: Run, other: Run) -> bool:
    states = one.state_dict(), other.state_dict()
    for state in states:
        for epoch in state["epochs"]:
            epoch["seconds"] = epoch["training_seconds"] = epoch["validation_seconds"] = 0
    return equal(*states)


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("optimizer", [AdamW(), SGD()], ids=["adamw", "sgd"])
@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_resumed_run_is_the_same_run(start: Start, after: int, optimizer: Any) -> None:
    whole, first = start(optimizer=optimizer, **RANDOM), start(optimizer=optimizer, **RANDOM)
    list(whole)
    for _ in range(after):
        next(first)
    torch.manual_seed(99)  # the other worker's ambient generators are in another state
    resumed = start(optimizer=optimizer, **RANDOM)
    resumed.load_state_dict(through_a_file(first.state_dict()))
    assert len(list(resumed)) == len(whole.epochs) - after
    assert same_run(resumed, whole)
    assert equal(resumed.best_weights(), whole.best_weights())
    assert torch.equal(resumed.validation_probabilities(), whole.validation_probabilities())
    assert torch.equal(resumed.best_probabilities(), whole.best_probabilities())


@pytest.mark.parametrize("backbone", ["test_vit", "test_efficientnet", "test_convnext"])
def test_a_resumed_run_is_the_same_run_for_every_family(digits_32: Dataset, backbone: str) -> None:
    recipe = SMALL.model_copy(
        update={"backbone": backbone, "image_size": 32, "epochs": 3, "epoch_images": 64, **RANDOM}
    )
    whole, first, resumed = (Run(recipe, Replicate.numbered(1), digits_32, CPU) for _ in range(3))
    list(whole)
    next(first)
    resumed.load_state_dict(through_a_file(first.state_dict()))
    list(resumed)
    assert same_run(resumed, whole)


def test_a_stalled_run_resumed_in_its_decay_is_the_same_run(start: Start) -> None:
    whole, first, resumed = start(**STALLS), start(**STALLS), start(**STALLS)
    list(whole)
    for _ in range(3):
        next(first)
    assert first.epochs[-1].phase == "decay"
    resumed.load_state_dict(first.state_dict())
    list(resumed)
    assert same_run(resumed, whole)
    assert resumed.stop == "stalled"


def test_runs_that_alternate_in_one_process_are_each_as_alone(start: Start) -> None:
    changes = [RANDOM, {"lr": 0.01, "dropout": 0.1, "augment": Cutout()}]
    alone = [start(**change) for change in changes]
    for run in alone:
        list(run)
    together = [start(**change) for change in changes]
    for _ in zip(*together, strict=True):
        torch.rand(7)  # and with a host that draws, too
    assert [outcome(run) for run in together] == [outcome(run) for run in alone]
    assert all(same_run(*pair) for pair in zip(together, alone, strict=True))


def test_training_leaves_the_ambient_generator_alone(start: Start) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    next(start(**RANDOM))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "changes", [{"augment": Mixup()}, {"augment": Shift()}, {"loss": Focal()}, {"dropout": 0.5}, {"lr": 0.1}]
)
def test_what_does_not_concern_the_order_of_images_leaves_it_unchanged(start: Start, changes: dict[str, Any]) -> None:
    plain, changed = start(), start(**changes)
    for number in (1, 2):
        next(plain)
        next(changed)
        assert torch.equal(plain._order(number), changed._order(number))


def test_each_epoch_and_each_seed_has_an_order_of_its_own(start: Start) -> None:
    orders = [start()._order(1), start()._order(2), start(number=200)._order(1)]
    assert len({order.numpy().tobytes() for order in orders}) == 3


def test_an_order_visits_no_image_twice_and_none_of_the_validation_part(start: Start) -> None:
    run = start(epoch_images=None)
    order = run._order(1).tolist()
    assert len(set(order)) == len(order)
    assert len(order) + len(run.validation_index) == len(run._data.development)
    rows = run._feed._train[order].tolist()
    assert not set(rows) & set(run.validation_index.tolist())
    assert set(rows) | set(run.validation_index.tolist()) == set(run._data.development.tolist())


def test_an_epoch_is_at_most_epoch_images(start: Start) -> None:
    assert next(start(epoch_images=100)).images == 100
    assert next(start(epoch_images=10**6)).images == 1197


def test_a_single_image_left_over_sits_out_only_where_batch_norm_would_see_it_alone(
    start: Start, digits_32: Dataset
) -> None:
    assert next(start(epoch_images=65, batch_size=32)).images == 64
    assert next(start(epoch_images=66, batch_size=32)).images == 66
    vit = SMALL.model_copy(update={"backbone": "test_vit", "image_size": 32, "epoch_images": 65})
    assert next(Run(vit, Replicate.numbered(0), digits_32, CPU)).images == 65


def test_a_run_that_uses_its_budget_is_finished(start: Start) -> None:
    run = start()
    assert [epoch.phase for epoch in run] == ["warm-up", "constant", "constant", "constant", "decay", "decay"]
    assert run.stop == "finished"
    assert run.last is run.epochs[-1]
    assert len(run.constant_scores) == 4
    assert next(run, None) is None


def test_a_stalled_run_decays_and_then_ends(start: Start) -> None:
    run = start(**STALLS)
    assert [epoch.phase for epoch in run] == ["warm-up", "constant", "decay", "decay"]
    assert run.stop == "stalled"
    assert run.last is run.epochs[-1]
    assert run.epochs[-1].lr < run.epochs[1].lr


def test_there_is_no_stop_and_no_last_before_the_end(start: Start) -> None:
    run = start()
    assert (run.stop, run.best, run.last, run.best_weights()) == (None, None, None, {})
    next(run)
    assert (run.stop, run.last) == (None, None)
    assert run.best is run.epochs[0]


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(start: Start) -> None:
    run = start(**BLOWS_UP)
    epochs = list(run)
    assert run.stop == "diverged"
    assert math.isnan(epochs[-1].score)
    assert len(epochs) < SMALL.epochs
    assert run.last is None
    assert all(math.isfinite(epoch.score) for epoch in epochs[:-1])


def test_a_diverged_run_keeps_its_outcome_when_loaded(start: Start) -> None:
    run, again = start(**BLOWS_UP), start(**BLOWS_UP)
    list(run)
    again.load_state_dict(through_a_file(run.state_dict()))
    assert again.stop == "diverged"
    assert list(again) == []


def test_the_best_weights_are_those_that_scored_best(start: Start, digits: Dataset) -> None:
    run = start(lr=0.02)
    list(run)
    assert run.best is not None and run.best.score == max(epoch.score for epoch in run.epochs)
    index = run.validation_index
    for weights, score in ((run.best_weights(), run.best.score), (run.averaged_weights(), run.epochs[-1].score)):
        model = build(run.recipe, 10, seed=123)
        model.load_state_dict(weights)
        normalise = Normalise.of(run.recipe, digits.images(16), run._feed._train).bytes
        with torch.inference_mode():
            answers = model.eval()(normalise(digits.images(16)[index])).argmax(dim=1)
        truth = digits.labels[index]
        f1 = [
            2 * ((answers == c) & (truth == c)).sum().item() / ((answers == c).sum() + (truth == c).sum()).item()
            for c in range(10)
        ]
        assert sum(f1) / 10 == pytest.approx(score, abs=1e-6)


def test_probabilities_and_score_on_agree_with_the_last_epoch(start: Start, digits: Dataset) -> None:
    run = start()
    list(run)
    probabilities = run.validation_probabilities()
    assert probabilities.shape == (len(run.validation_index), 10)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(len(probabilities)), atol=1e-5)
    labels = digits.labels[run.validation_index]
    assert run.score_on(run.validation_index, labels) == run.epochs[-1].score
    assert -probabilities.gather(1, labels[:, None]).log().mean().item() == pytest.approx(
        run.epochs[-1].val_loss, rel=1e-4
    )


def test_answers_that_are_asked_for_again_are_those_that_were_scored(start: Start, digits: Dataset) -> None:
    """A checkpoint holds weights, not answers; what is made of them is the same to the bit."""
    run, again = start(lr=0.05, ema_epochs=0), start(lr=0.05, ema_epochs=0)
    for _ in range(5):
        next(run)
    assert run.best is not None and run.best.number < len(run.epochs), "the best epoch is not the last"
    again.load_state_dict(through_a_file(run.state_dict()))
    assert torch.equal(again.best_probabilities(), run.best_probabilities())
    assert torch.equal(again.validation_probabilities(), run.validation_probabilities())
    assert not torch.equal(run.best_probabilities(), run.validation_probabilities())
    assert score_of("macro_f1", run.best_probabilities(), digits.labels[run.validation_index]) == run.best.score
    next(again), next(run)
    assert same_run(again, run), "asking has changed nothing"


def test_a_run_keeps_no_answers_above_the_bound_and_asks_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    run, again = start(), start()
    next(run)
    monkeypatch.setattr(run_module, "KEPT_BYTES", 0)
    next(again)
    assert again._answers is again._best_answers is None
    assert torch.equal(again.best_probabilities(), run.best_probabilities())


def test_looking_at_a_run_does_not_change_it(start: Start, digits: Dataset) -> None:
    looked_at, alone = start(**RANDOM), start(**RANDOM)
    for _ in looked_at:
        looked_at.state_dict()
        looked_at.validation_probabilities()
        looked_at.best_probabilities()
        looked_at.score_on(torch.from_numpy(digits.development), digits.labels[digits.development])
    list(alone)
    assert same_run(looked_at, alone)


def test_a_saved_state_does_not_move_with_the_run(start: Start) -> None:
    run = start()
    next(run)
    state = run.state_dict()
    before = through_a_file(state)
    next(run)
    assert equal(state, before)


@pytest.mark.parametrize(
    ("number", "changes", "says"),
    [(0, {"lr": 0.5}, "recipe"), (1, {}, "replicate 0, not 1")],
    ids=["recipe", "replicate"],
)
def test_a_state_of_another_run_is_refused(start: Start, number: int, changes: dict[str, Any], says: str) -> None:
    run = start()
    next(run)
    with pytest.raises(RunError, match=says):
        start(number=number, **changes).load_state_dict(run.state_dict())


def test_data_of_another_size_are_refused(digits: Dataset) -> None:
    with pytest.raises(RunError, match="load them so"):
        Run(Recipe(image_size=32), Replicate.numbered(0), digits, CPU)


# Every loss once alone and once with blended labels; every augmentation once.
PAIRS = [(loss, augment) for loss in LOSSES for augment in (NoAugment(), Mixup())]
PAIRS += [(CrossEntropy(), augment) for augment in AUGMENTS]


@pytest.mark.parametrize(("loss", "augment"), PAIRS, ids=lambda choice: choice.label)
def test_every_loss_and_every_augmentation_trains(start: Start, loss: Loss, augment: Augment) -> None:
    run = start(loss=loss, augment=augment, epoch_images=64)
    assert math.isfinite(next(run).score)
    assert math.isfinite(next(run).train_loss)


# 16 bits on a CPU are slow: a short run of each, and learning is asked of the one CPUs are built for.
@pytest.mark.parametrize(
    ("precision", "images", "least"), [("fp32", 640, 0.85), ("bf16", 640, 0.85), ("fp16", 32, 0.0)]
)
def test_every_precision_trains_and_keeps_its_weights_in_32_bits(
    start: Start, precision: str, images: int, least: float
) -> None:
    run = start(precision=precision, epoch_images=images, lr=0.004, epochs=6 if least else 3)
    assert list(run)[-1].score > least
    weights = [weight for weight in run.averaged_weights().values() if weight.is_floating_point()]
    assert {weight.dtype for weight in weights} == {torch.float32}


def test_the_default_recipe_learns_the_digits(digits: Dataset) -> None:
    run = Run(Recipe(), Replicate.numbered(0), digits, CPU)
    list(run)
    assert run.last is not None and run.last.score > 0.95


def test_the_averaged_score_is_meaningful_from_the_second_epoch(digits: Dataset) -> None:
    """Rungs look there: statistics that remember their start would hold it at chance."""
    run = Run(Recipe(), Replicate.numbered(0), digits, CPU)
    assert [next(run) for _ in range(2)][1].score > 0.7


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_resumed_run_is_the_same_run_on_a_gpu_and_agrees_with_the_cpu(digits: Dataset, start: Start) -> None:
    gpu = torch.device("cuda")
    recipe = SMALL.model_copy(update=RANDOM)
    whole, first, resumed = (Run(recipe, Replicate.numbered(0), digits.to(gpu), gpu) for _ in range(3))
    list(whole)
    next(first)
    resumed.load_state_dict(through_a_file(first.state_dict()))
    list(resumed)
    assert same_run(resumed, whole)
    scores = []
    for device in (gpu, CPU):
        run = Run(SMALL.model_copy(update={"epoch_images": None}), Replicate.numbered(0), digits, device)
        list(run)
        scores.append(run.epochs[-1].score)
    assert scores[0] == pytest.approx(scores[1], abs=0.03)

"""A captured step serves whoever makes the same one. No GPU: the capture is a stand-in, what may share one is not."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

from tests.trainer.test_nets import trained
from tests.trainer.test_run import RANDOM, equal
from trainer import learner
from trainer.averaging import tensors_of
from trainer.batch import Batch
from trainer.data import Dataset
from trainer.execution import Mode
from trainer.nets import Nets
from trainer.recipe import AdamW, ClassBalanced, CustomLoss, Focal, Recipe
from trainer.replay import can_be_captured


class Captured:
    """What a CUDA graph is to the learner: the step of whoever had it captured, played for whoever comes."""

    made: int = 0

    def __init__(self, descend: Callable[[Batch], Tensor], batch: Batch, changed: list[Tensor], pool: object) -> None:
        Captured.made += 1
        self._descend, self.changed = descend, changed

    def __call__(self, batch: Batch) -> Tensor:
        return self._descend(batch)


def test_a_captured_step_serves_every_run_that_makes_the_same_step_and_no_other(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "Replay", Captured)
    Captured.made, nets = 0, Nets(Mode(graphs=True))
    same: list[dict[str, Any]] = [{}, {"lr": 0.01}, {"dropout": 0.0, "warmup_epochs": 2}]
    for changes in same:
        assert equal(*(trained(digits, each, changes).averaged_weights() for each in (nets, None)))
    assert Captured.made == 1
    others: list[dict[str, Any]] = [
        {"loss": Focal()},
        {"loss": Focal(gamma=3)},
        {"batch_size": 48},
        {"optimizer": AdamW(beta1=0.8)},
        {"augment": RANDOM["augment"]},
        {"loss": ClassBalanced()},
    ]
    for changes in others:
        assert equal(*(trained(digits, each, changes).averaged_weights() for each in (nets, None)))
    assert Captured.made == 1 + len(others)
    # Other sampling means other weights of classes, for a loss that has any.
    for loss, more in ((Focal(), 0), (ClassBalanced(), 1)):
        changes = {"loss": loss, "sampling": "balanced"}
        assert equal(*(trained(digits, each, changes).averaged_weights() for each in (nets, None)))
        assert Captured.made == 1 + len(others) + more


def test_code_that_may_wait_for_the_device_is_not_captured() -> None:
    assert can_be_captured(Recipe(precision="bf16"))
    own = CustomLoss(file="own.py", name="Mine", digest="0" * 64)
    for changes in ({"precision": "fp16"}, {"loss": own}, {"backbone": f"custom:own.py:Net@{'0' * 64}"}):
        assert not can_be_captured(Recipe().model_copy(update=changes))


def test_a_captured_step_changes_the_weights_the_buffers_and_the_optimizer_and_nothing_else(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a capture puts back after its warm-up steps."""
    monkeypatch.setattr(learner, "Replay", Captured)
    nets = Nets(Mode(graphs=True))
    run = trained(digits, nets, {})
    net = run._learner._net
    (replay,) = run._learner._stepper.captured.values()
    changed = {tensor.data_ptr() for tensor in replay.changed}  # pyright: ignore[reportAttributeAccessIssue]
    held = [*tensors_of(net.model), *(t for s in run._learner._optimizer.state.values() for t in s.values())]
    assert {tensor.data_ptr() for tensor in held} == changed

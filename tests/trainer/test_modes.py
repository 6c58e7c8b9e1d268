"""Which mode a worker takes, and that one which fails or trains otherwise is never taken."""

import pytest
import torch
from torch import Tensor

from tests.trainer.conftest import CPU, SMALL
from trainer import learner, modes
from trainer.data import Dataset
from trainer.execution import PLAIN, Mode
from trainer.modes import LONG, candidates, fastest, usual
from trainer.recipe import Recipe
from trainer.replay import CaptureError

GRAPHS = Mode(graphs=True)
FAST = {PLAIN: 100.0, GRAPHS: 200.0}


class Faithful:
    """Stands for a captured step."""

    lie = 1.0

    def __init__(self, descend, batch, changed, pool) -> None:
        self._descend = descend

    def __call__(self, batch) -> Tensor:
        return self._descend(batch) * self.lie


class Wrong(Faithful):
    lie = 1.2


class Missing(Faithful):
    def __call__(self, batch) -> Tensor:
        return super().__call__(batch) * float("nan")


class Failing(Faithful):
    def __init__(self, descend, batch, changed, pool) -> None:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")


def test_a_faster_mode_that_trains_the_same_is_taken(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "Replay", Faithful)
    mode, tried = fastest(SMALL, digits, CPU, among=(GRAPHS,), speed=FAST.__getitem__)
    assert mode == GRAPHS
    assert [(each.mode, each.images_per_second) for each in tried] == [(PLAIN, 100.0), (GRAPHS, 200.0)]


def test_a_mode_that_is_hardly_faster_is_not_worth_it(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "Replay", Faithful)
    assert fastest(SMALL, digits, CPU, among=(GRAPHS,), speed={PLAIN: 100.0, GRAPHS: 104.0}.__getitem__)[0] == PLAIN


@pytest.mark.parametrize(
    ("replay", "why"), [(Wrong, "loss of"), (Missing, "loss of nan"), (Failing, "RuntimeError: CUDA error")]
)
def test_a_mode_that_fails_or_trains_otherwise_is_passed_over_with_the_reason(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, replay: type, why: str
) -> None:
    monkeypatch.setattr(learner, "Replay", replay)
    mode, (_, tried) = fastest(SMALL, digits, CPU, among=(GRAPHS,), speed=FAST.__getitem__)
    assert mode == PLAIN
    assert tried.images_per_second is None
    assert why in tried.why and "\n" not in tried.why


def test_on_a_cpu_nothing_is_tried(digits: Dataset) -> None:
    assert fastest(SMALL, digits, CPU) == (PLAIN, ())


def test_small_pictures_try_graphs_and_large_ones_the_compiler() -> None:
    gpu = torch.device("cuda")
    assert candidates(Recipe(image_size=32), gpu) == (GRAPHS, Mode(compiled=True, graphs=True))
    assert all(mode.compiled for mode in candidates(Recipe(image_size=224), gpu))
    assert candidates(Recipe(backbone=f"custom:own.py:Net@{'0' * 64}"), gpu) == ()


def test_a_capture_that_leaves_the_process_unsound_is_not_passed_over(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsound(*given: object) -> None:
        raise CaptureError("a step could not be captured")

    monkeypatch.setattr(learner, "Replay", unsound)
    with pytest.raises(CaptureError):
        fastest(SMALL, digits, CPU, among=(GRAPHS,), speed=FAST.__getitem__)


def test_a_net_that_does_not_fit_leaves_it_to_the_trials_to_tell(digits: Dataset) -> None:
    refused = Recipe(backbone="test_convnext", image_size=16)
    mode, (tried,) = fastest(refused, digits, CPU, among=(GRAPHS,))
    assert mode == PLAIN and "Kernel size" in tried.why


def test_what_is_measured_beforehand_is_measured_as_workers_will_train() -> None:
    gpu, small = torch.device("cuda"), Recipe(image_size=64)
    assert usual(small, gpu) == GRAPHS
    assert usual(small.model_copy(update={"precision": "fp16"}), gpu) == PLAIN  # whose scaler waits for the device
    assert usual(Recipe(image_size=224), gpu) == usual(small, CPU) == PLAIN


def test_what_cannot_be_captured_is_measured_plain_before_a_study_begins(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def uncapturable(*given: object) -> None:
        tried.append(given)
        raise CaptureError("a step could not be captured")

    monkeypatch.setattr(learner, "Replay", uncapturable)
    monkeypatch.setattr(modes, "usual", lambda recipe, device: GRAPHS)
    assert modes.expected(SMALL, digits, CPU, images=64).seconds_per_train_image > 0
    assert tried


def test_nothing_is_compiled_for_a_study_that_is_done_before_it_pays(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "Replay", Faithful)
    compiled = Mode(compiled=True, graphs=True)

    def speed(mode: Mode) -> float:
        if mode == compiled:
            pytest.fail("it was compiled")
        return FAST[mode]

    mode, tried = fastest(SMALL, digits, CPU, among=(GRAPHS, compiled), speed=speed, ahead=200.0 * LONG - 1)
    assert mode == GRAPHS
    assert "the study is done in 20 minutes without" in tried[-1].why


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_every_candidate_trains_the_same_on_a_gpu(digits: Dataset) -> None:
    gpu = torch.device("cuda")
    for precision in ("fp32", "bf16"):
        recipe = SMALL.model_copy(update={"precision": precision, "dropout": 0.1})
        _, tried = fastest(recipe, digits, gpu, among=(GRAPHS, Mode(compiled=True), Mode(compiled=True, graphs=True)))
        assert [each.why for each in tried] == [""] * 4

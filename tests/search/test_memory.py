"""Too little memory: known for what it is, failed with the peak, and cleared away before the next trial."""

import hashlib
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from search import workplace
from search.gauge import Gauge
from search.memory import clear, out_of_memory, words
from search.worker import TooManyFailures, Worker
from search.workplace import Workplace
from storage.rows import RunRow
from tests.search.trials import RECIPE, WORKER, claim, screen_of
from trainer.custom import CustomError, named
from trainer.failure import memory_errors, refusal
from trainer.loss_choices import CustomLoss
from trainer.recipe import Recipe
from trainer.run import Run
from trainer.weights import BackboneError

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
CUDA_SAYS = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

LOSSES = """
import torch
from torch.nn import functional


def hungry(logits, labels):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def faulty(logits, labels):
    raise KeyError("a bug of its own")


def fine(logits, labels):
    return functional.cross_entropy(logits, labels, reduction="none")
"""


def raised(make: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:
        make()
    return caught.value


def test_whatever_says_that_memory_did_not_suffice_is_known() -> None:
    assert out_of_memory(CUDA_SAYS)
    for said in (CUDA_SAYS, RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")):
        with pytest.raises(BackboneError) as refused, memory_errors(RECIPE, GPU):
            raise said
        assert out_of_memory(refused.value)
    real = raised(lambda: torch.empty(2**50))
    assert out_of_memory(real)
    with pytest.raises(Exception) as caught, memory_errors(RECIPE, CPU):
        torch.empty(2**50)
    assert out_of_memory(caught.value)


def test_no_other_trouble_is_taken_for_memory() -> None:
    assert not out_of_memory(KeyError("memory"))
    assert not out_of_memory(refusal(RECIPE, CPU, RuntimeError("kernel size can't be greater than actual input size")))
    assert not out_of_memory(CustomError("my_losses.py:Mine failed (ValueError: no memory of it)"))


def test_the_reason_says_where_how_much_and_what_to_try() -> None:
    recipe = Recipe(image_size=224, batch_size=256)
    said = words(recipe, GPU, int(21.34 * 2**30))
    assert said.startswith("failed: out of memory on cuda:0 at a peak of 21.3 GiB, in batches of 256 at 224 px; try ")
    assert "--set baseline.batch_size=128" in said and "--workers" in said
    assert words(recipe, CPU, None).startswith("failed: out of memory on cpu, in batches of 256")


class Watching(Gauge):
    """A device with a peak, which looks, when memory is to be given back, whether anything still holds the run."""

    def __init__(self) -> None:
        self.runs: list[weakref.ref[Run]] = []
        self.held: list[bool] = []

    def peak_bytes(self) -> int | None:
        return 21 * 2**30

    def free(self) -> None:
        self.held.append(any(run() is not None for run in self.runs))


class Place:
    """A worker at its place, and how its trials ended."""

    def __init__(self, at: Workplace, file: Path) -> None:
        file.write_text(LOSSES, encoding="utf-8")
        self._file, self._trials = file, 0
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self.gauge = Watching()
        self.at = replace(at, files={digest: file}, gauge=self.gauge)
        self.worker = Worker(self.at, WORKER)

    def work(self, *losses: str) -> None:
        """One trial after the other, each with this loss."""
        for name in losses:
            self._trials += 1
            change = {"lr": 0.004 + self._trials / 1e6, "loss": named(CustomLoss, self._file, name), "epochs": 2}
            phase = screen_of(RECIPE.model_copy(update=change))
            self.worker._train(claim(self.at, phase, phase.runs[0]), phase)

    def rows(self) -> list[RunRow]:
        return self.at.study.store.runs(self.at.study.study_id, "1-lr")

    def ends(self) -> list[str | None]:
        return [row.stop for row in self.rows()]


@pytest.fixture
def place(at: Workplace, tmp_path: Path) -> Place:
    return Place(at, tmp_path / "my_losses.py")


def test_a_trial_out_of_memory_fails_with_its_peak_and_the_worker_goes_on(place: Place) -> None:
    place.work("hungry", "fine")
    assert place.ends() == ["failed", "finished"]
    failed = place.rows()[0]
    assert failed.state == "FAIL"
    assert (failed.reason or "").startswith("failed: out of memory on cpu at a peak of 21.0 GiB")
    first, second = place.at.study.store.attempts(place.at.study.study_id)
    assert (first.trial_id, first.images, first.peak_bytes) == (failed.trial_id, 0, 21 * 2**30)
    assert second.images > 0


def test_nothing_of_a_failed_trial_is_held_when_its_memory_is_given_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(Run):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            place.gauge.runs.append(weakref.ref(self))

    monkeypatch.setattr(workplace, "Run", Watched)
    place.work("hungry", "fine")
    assert len(place.gauge.runs) == 2
    assert place.gauge.held == [False]


def test_a_worker_that_has_ended_a_trial_well_is_never_given_up_for_want_of_memory(place: Place) -> None:
    place.work("fine", "hungry", "hungry", "hungry", "hungry", "fine")
    assert place.ends() == ["finished", *["failed"] * 4, "finished"]


def test_a_worker_on_which_nothing_but_memory_trouble_happens_leaves_at_the_third(place: Place) -> None:
    place.work("hungry", "hungry")
    with pytest.raises(TooManyFailures, match=r"first 3 trials here failed.*out of memory on cpu"):
        place.work("hungry")
    assert place.ends() == ["failed"] * 3


def test_memory_trouble_does_not_add_up_with_the_workers_own_failures(place: Place) -> None:
    place.work("fine", "faulty", "hungry", "faulty", "hungry")
    with pytest.raises(TooManyFailures, match=r"3 trials in a row failed here.*a bug of its own"):
        place.work("faulty")


def test_a_first_trial_that_fails_otherwise_is_left_to_others_with_its_attempt_on_record(place: Place) -> None:
    place.work("hungry")
    with pytest.raises(TooManyFailures, match="the first trial here failed: CustomError"):
        place.work("faulty")
    assert place.ends() == ["failed", None]
    assert len(place.at.study.store.attempts(place.at.study.study_id)) == 2


def test_clearing_drops_what_the_frames_of_an_error_and_of_its_causes_hold() -> None:
    class Tensor:
        pass

    held: list[weakref.ref[Tensor]] = []

    def step() -> None:
        batch = Tensor()
        held.append(weakref.ref(batch))
        raise CUDA_SAYS

    def train() -> None:
        model = Tensor()
        held.append(weakref.ref(model))
        try:
            step()
        except torch.OutOfMemoryError as error:
            raise RuntimeError from error

    error = raised(train)
    assert [each() is None for each in held] == [False, False]
    clear(error)
    assert [each() is None for each in held] == [True, True]

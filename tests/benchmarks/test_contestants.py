"""Everybody trains the same recipes on the same images: a tiny list, for real."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from benchmarks.cases import TRIAL_CASES, Settings, task_of
from benchmarks.contestants import good_user, optuna_example, ours, usual
from benchmarks.contestants.task import Answer, Task, read_answer, read_task, write
from benchmarks.rounds import Contestant, interleaved
from trainer.data import Geometry, load, open_source
from trainer.folds import cut
from trainer.replicate import Replicate
from trainer.schedule import learning_rate

AT = Settings(device="cpu", processes=1, quick=True, rounds=1, data="digits", only="", gpu_missing=False)
TINY = replace(AT.sized(TRIAL_CASES)[0], lrs=(0.004,), epochs=2)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task_of(TINY, AT, tmp_path_factory.mktemp("arrays"))


@pytest.fixture(scope="module")
def file_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task_of(replace(TINY, channels=3, files=True), AT, tmp_path_factory.mktemp("files"))


def check(answer: Answer) -> None:
    (trained,) = answer.trained
    assert (trained.lr, trained.epochs) == (0.004, 2)
    assert 0 < trained.score <= 1


def test_optunas_example_trains_the_list(task: Task, file_task: Task) -> None:
    check(optuna_example.run(task))
    check(optuna_example.run(file_task))


def test_the_good_user_trains_the_list(task: Task, file_task: Task) -> None:
    check(good_user.run(task))
    check(good_user.run(file_task))


def test_ours_trains_the_list_through_its_own_worker_and_store(task: Task) -> None:
    check(ours.run(task))


def test_ray_tune_trains_the_list_in_a_process_of_its_own(task: Task, tmp_path: Path) -> None:
    if not find_spec("ray"):
        pytest.skip("Ray is not installed (requirements-bench.txt)")
    write(tmp_path / "task.json", task)
    command = (sys.executable, "-m", "benchmarks.contestants.ray_asha", str(tmp_path / "task.json"))
    (sample,) = interleaved([Contestant("ray", command, read_answer)], rounds=1)["ray"]
    check(sample.answer)


def test_optunas_example_searches_the_joint_space(task: Task) -> None:
    answer = optuna_example.run(replace(task, trials=2))
    assert answer.trials == 2
    assert answer.loss in usual.LOSSES
    assert answer.augment in usual.AUGMENTS


@pytest.mark.parametrize("loss", usual.LOSSES)
@pytest.mark.parametrize("augment", ["cutout", "mixup"])
def test_every_choice_of_the_joint_space_trains(task: Task, loss: str, augment: str) -> None:
    assert 0 <= usual.Training(task, 0.001, loss, augment).epoch() <= 1


def test_a_task_travels_by_file(task: Task, tmp_path: Path) -> None:
    write(tmp_path / "task.json", task)
    assert read_task(tmp_path / "task.json") == task


@pytest.mark.parametrize("batch_size", [64, 256])
def test_everybody_steps_with_the_learning_rates_of_our_schedule(task: Task, batch_size: int) -> None:
    task = replace(task, epochs=7, decay_epochs=3, batch_size=batch_size)
    recipe, steps = ours.recipe_of(task).model_copy(update={"lr": 0.01}), 5
    theirs = [0.01 * task.factor(step, steps) for step in range(7 * steps)]
    scale = (batch_size / 64) ** 0.5
    mine = [scale * learning_rate(recipe, n, min(n, 4), step, steps) for n in range(1, 8) for step in range(steps)]
    assert theirs == pytest.approx(mine)


def test_everybody_learns_from_and_is_scored_on_the_same_arrays(task: Task) -> None:
    data = load(open_source(ours.data_of(task)), Geometry(16, 1))
    parts = cut(data.strata, data.groups, Replicate.numbered(0))
    for name, part in zip(("train", "validation"), parts, strict=True):
        with np.load(Path(task.folder) / f"{name}.npz") as theirs:
            rows = data.development[part]
            assert np.array_equal(theirs["images"], data.pixels.stored[rows, 0].numpy())
            assert np.array_equal(theirs["labels"], data.labels[rows].numpy())


def test_everybody_learns_from_and_is_scored_on_the_same_files(file_task: Task) -> None:
    source = open_source(ours.data_of(file_task))
    data = load(source, Geometry(16, 3))
    parts = cut(data.strata, data.groups, Replicate.numbered(0))
    for name, part in zip(("train", "validation"), parts, strict=True):
        theirs = {Path(file).name for file, _ in datasets.ImageFolder(str(Path(file_task.folder) / name)).samples}
        assert theirs == {Path(source.names[row]).name for row in data.development[part]}


def test_the_good_users_augmentation_moves_each_image_by_draws_of_its_own() -> None:
    picture = torch.arange(256.0).view(1, 1, 16, 16).expand(64, 3, 16, 16)
    moved = good_user.flip_and_shift(picture)
    assert moved.shape == picture.shape
    assert moved.is_contiguous(memory_format=torch.channels_last)
    assert len({tuple(image.flatten().tolist()) for image in moved}) > 30
    steps = (moved[:, 0, :, 1:] - moved[:, 0, :, :-1]).flatten()
    assert set(steps.tolist()) <= {-1.0, 0.0, 1.0}, "columns stay in their order or are mirrored, borders repeat"

"""Chunks of work without end, each with its images and cost: training steps, and the way from pictures to batches."""

import time
from collections.abc import Callable, Iterator
from itertools import count

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.contestants import good_user, usual
from benchmarks.contestants.ours import data_of, definition_of
from benchmarks.contestants.task import Task
from search.precision import choose
from search.resolve import geometry_of, resolve
from trainer.custom import NO_FILES
from trainer.data import Dataset, load, open_source
from trainer.feed import Feed
from trainer.modes import fastest
from trainer.nets import Nets
from trainer.recipe import NoAugment, Recipe
from trainer.replicate import Replicate
from trainer.run import Run

STEPS = 4  # of a chunk, where the contestant has no epochs of its own


Chunk = tuple[int, float, float]  # images, seconds, core-seconds


def ours_step(task: Task) -> Iterator[Chunk]:
    """Epochs of a run: batches, optimizer and averaged weights included, validation apart."""
    recipe, data = ours_on(task)
    recipe = recipe.model_copy(update={"augment": NoAugment(), "epochs": 100_000})
    mode, _ = fastest(recipe, data, data.device)  # as a worker chooses it
    run = Run(recipe, Replicate.numbered(0), data, data.device, nets=Nets(mode))
    while True:
        began = time.process_time()
        epoch = next(run)
        cores = time.process_time() - began
        yield epoch.images, epoch.training_seconds, cores * epoch.training_seconds / epoch.seconds


def eager_step(task: Task) -> Iterator[Chunk]:
    """A net of timm, cross entropy and AdamW with the defaults of torch, on a batch that is ready."""
    device = torch.device(task.device)
    model = usual.define_model(task).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=task.weight_decay)
    criterion = nn.CrossEntropyLoss()
    data, target = _batch(task)

    def step() -> None:
        optimizer.zero_grad()
        criterion(model(data), target).backward()
        optimizer.step()

    return _repeated(step, task)


def good_step(task: Task) -> Iterator[Chunk]:
    data, target = _batch(task)
    training = good_user.Training(task, (data[:2], target[:2]), (data[:2], target[:2]))
    training.reset(1e-3)
    training.model.train()
    data = data.contiguous(memory_format=torch.channels_last)
    return _repeated(lambda: training.step(data, target), task)


def ours_data(task: Task) -> Iterator[Chunk]:
    """Resident bytes, fetched, flipped, shifted, normalised."""
    recipe, data = ours_on(task)
    rows = torch.from_numpy(data.development).to(data.device)
    feed, draw = Feed(recipe, data, rows, 0, NO_FILES), torch.Generator(data.device).manual_seed(0)
    for _ in count():
        order = torch.randperm(len(rows), device=data.device).split(task.batch_size)
        yield _timed(lambda: [feed.batch(part, torch.ones_like(part), draw) for part in order], len(rows), task)  # noqa: B023


def good_data(task: Task) -> Iterator[Chunk]:
    images, labels = good_user.in_memory(task, "train")
    training = good_user.Training(task, (images, labels), (images[:2], labels[:2]))
    images, labels = training.train
    for _ in count():
        order = torch.randperm(len(labels), device=images.device).split(task.batch_size)
        batches = [lambda part=part: good_user.flip_and_shift(training.normalised(images[part])) for part in order]
        yield _timed(lambda: [(batch(), labels) for batch in batches], len(labels), task)  # noqa: B023


def loader_data(task: Task) -> Iterator[Chunk]:
    """A DataLoader with Pillow's transforms, as in the trial benchmark."""
    loader, _ = usual.get_loaders(task, usual.LISTED)
    seen = len(loader.dataset)  # pyright: ignore[reportArgumentType]
    for _ in count():
        yield _timed(lambda: _to_device(loader, task), seen, task)


NAMES: dict[str, Callable[[Task], Iterator[Chunk]]] = {
    "ours_step": ours_step,
    "eager_step": eager_step,
    "good_step": good_step,
    "ours_data": ours_data,
    "good_data": good_data,
    "loader_data": loader_data,
}


def ours_on(task: Task) -> tuple[Recipe, Dataset]:
    """The recipe at the precision that a study would choose, and the data on their device."""
    device, source = torch.device(task.device), open_source(data_of(task))
    recipe = resolve(definition_of(task), source, "fp32").baseline
    data = load(source, geometry_of(recipe)).to(device)
    chosen = choose(recipe, data, device, {}, None)
    return recipe.model_copy(update={"precision": chosen.precision}), data


def precision_of(task: Task) -> str:
    """fp32, bf16 or fp16: what a study of this task would be trained in here."""
    return ours_on(task)[0].precision


def _batch(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (task.batch_size, task.channels, task.image_size, task.image_size)
    labels = torch.randint(0, task.classes, (task.batch_size,))
    return torch.randn(shape).to(task.device), labels.to(task.device)


def _to_device(loader: DataLoader, task: Task) -> None:
    for data, target in loader:
        _ = data.to(task.device), target.to(task.device)


def _repeated(step: Callable[[], None], task: Task) -> Iterator[Chunk]:
    while True:
        yield _timed(lambda: [step() for _ in range(STEPS)], STEPS * task.batch_size, task)


def _timed(work: Callable[[], object], images: int, task: Task) -> Chunk:
    began, cores = time.perf_counter(), time.process_time()
    work()
    if task.device != "cpu":
        torch.cuda.synchronize()
    return images, time.perf_counter() - began, time.process_time() - cores

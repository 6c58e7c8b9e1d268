"""The same objective by somebody who knows PyTorch well.

Pictures are decoded once and stay in memory as bytes, are augmented as a batch on the device, the net is built once per
process and reset for each trial; channels_last, bf16 where the device computes it, a fused optimizer, validation in
inference mode. Several processes share an Optuna study by a journal file, one per core with one thread each.
"""

import copy
import tempfile
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.contestants.optuna_example import answer_of
from benchmarks.contestants.task import Answer, Task, carry
from benchmarks.contestants.usual import define_model, pictures

Pictures = tuple[Tensor, Tensor]  # uint8 [N, C, H, W], labels [N]
STUDY = "good_user"


def in_memory(task: Task, part: str) -> Pictures:
    """Every picture decoded once."""
    if not task.files:
        with np.load(Path(task.folder) / f"{part}.npz") as arrays:
            images, labels = torch.from_numpy(arrays["images"]), torch.from_numpy(arrays["labels"])
        return (images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()), labels.long()
    mean, deviation = (torch.tensor(value).view(-1, 1, 1) for value in (task.mean, task.deviation))
    loaded = [(image * deviation + mean, label) for image, label in pictures(task, part, "none")]
    levels = torch.stack([image for image, _ in loaded])
    return (levels * 255).round().clamp(0, 255).to(torch.uint8), torch.tensor([label for _, label in loaded])


def flip_and_shift(images: Tensor) -> Tensor:
    """Each image of the batch by draws of its own; borders repeat. What comes out is channels_last."""
    count, _, side, _ = images.shape
    reach, device = max(1, round(side / 8)), images.device
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    window = torch.arange(side, device=device)
    rows = window + torch.randint(0, 2 * reach + 1, (count, 1), device=device)
    columns = window + torch.randint(0, 2 * reach + 1, (count, 1), device=device)
    columns = torch.where(torch.rand(count, 1, device=device) < 0.5, columns.flip(1), columns)
    each = torch.arange(count, device=device)[:, None, None]
    return padded[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


class Training:
    """What is built once per process. Epochs take a learning rate per step, so that a trial only resets it."""

    def __init__(self, task: Task, train: Pictures, valid: Pictures) -> None:
        self.task, self.device = task, torch.device(task.device)
        self.train, self.valid = ((i.to(self.device), t.to(self.device)) for i, t in (train, valid))
        self.mean, self.deviation = (
            torch.tensor(v, device=self.device).view(-1, 1, 1) for v in (task.mean, task.deviation)
        )
        self.model = define_model(task).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.start = copy.deepcopy(self.model.state_dict())
        self.criterion = nn.CrossEntropyLoss()
        cuda = self.device.type == "cuda"
        bf16 = torch.cuda.is_bf16_supported() if cuda else torch.ops.mkldnn._is_mkldnn_bf16_supported()
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=bf16)

    def reset(self, lr: float) -> None:
        self.model.load_state_dict(self.start)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=lr, weight_decay=self.task.weight_decay, fused=True
        )
        steps = -(-len(self.train[1]) // self.task.batch_size)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: self.task.factor(step, steps))

    def normalised(self, images: Tensor) -> Tensor:
        return images.float().div_(255).sub_(self.mean).div_(self.deviation)

    def step(self, data: Tensor, target: Tensor) -> None:
        with self.autocast:
            loss = self.criterion(self.model(data), target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()

    def epoch(self) -> None:
        images, labels = self.train
        self.model.train()
        for rows in torch.randperm(len(labels), device=self.device).split(self.task.batch_size):
            self.step(flip_and_shift(self.normalised(images[rows])), labels[rows])

    @torch.inference_mode()
    def accuracy(self) -> float:
        images, labels = self.valid
        self.model.eval()
        correct = torch.zeros((), device=self.device)
        for part in torch.arange(len(labels), device=self.device).split(256):
            batch = self.normalised(images[part]).contiguous(memory_format=torch.channels_last)
            with self.autocast:
                correct += (self.model(batch).argmax(dim=1) == labels[part]).sum()
        return correct.item() / len(labels)

    def objective(self, trial: optuna.Trial) -> float:
        self.reset(trial.suggest_float("lr", min(self.task.lrs), max(self.task.lrs), log=True))
        accuracy = 0.0
        for epoch in range(self.task.epochs):
            self.epoch()
            accuracy = self.accuracy()
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned()
        return accuracy


def work(number: int, task: Task, train: Pictures, valid: Pictures, journal: str) -> None:
    """One process, the `number`-th from 0: its share of the trials."""
    if task.device == "cpu":
        torch.set_num_threads(1)
    study = optuna.load_study(
        study_name=STUDY, storage=JournalStorage(JournalFileBackend(journal)), pruner=optuna.pruners.NopPruner()
    )
    share = len(range(number, len(task.lrs), task.processes))
    if share:
        study.optimize(Training(task, train, valid).objective, n_trials=share)


def run(task: Task) -> Answer:
    train, valid = in_memory(task, "train"), in_memory(task, "validation")
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "journal.log")
        study = optuna.create_study(
            study_name=STUDY, storage=JournalStorage(JournalFileBackend(journal)), direction="maximize"
        )
        for lr in task.lrs:
            study.enqueue_trial({"lr": lr})
        if task.processes == 1:
            work(0, task, train, valid, journal)
        else:  # torch hands the tensors over in shared memory
            arguments = (task, train, valid, journal)
            torch.multiprocessing.spawn(work, arguments, nprocs=task.processes)  # pyright: ignore[reportPrivateImportUsage]
        return answer_of(study)


if __name__ == "__main__":
    carry(run)

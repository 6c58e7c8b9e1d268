"""What people write in a PyTorch script with a DataLoader: net, pictures, loop; and the joint space of the search."""

from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms
from torchvision.transforms import v2

from benchmarks.contestants.task import Task

LOSSES = ("cross_entropy", "label_smoothing", "class_balanced", "focal")
AUGMENTS = ("none", "flip", "shift", "cutout", "mixup")
LISTED = "flip and shift"  # the augmentation of the equal list


def define_model(task: Task) -> nn.Module:
    model = timm.create_model(task.backbone, num_classes=task.classes, in_chans=task.channels)
    if task.stem == "small":  # as recipes for resnet18 on CIFAR do it
        model.conv1 = nn.Conv2d(task.channels, 64, 3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    return model


class Arrays(Dataset):
    """Pictures in memory, as torchvision's MNIST holds them: a picture of Pillow's is made of each array."""

    def __init__(self, file: Path, transform: transforms.Compose) -> None:
        with np.load(file) as arrays:
            self.images, self.targets = arrays["images"], arrays["labels"].tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image: Any = Image.fromarray(self.images[index])
        return self.transform(image), self.targets[index]


def transform_of(task: Task, augment: str) -> transforms.Compose:
    size, steps = task.image_size, []
    if task.files:
        steps += [transforms.Resize(size), transforms.CenterCrop(size)]
        steps += [transforms.Grayscale()] if task.channels == 1 else []
    if augment in ("flip", LISTED):
        steps.append(transforms.RandomHorizontalFlip())
    if augment in ("shift", LISTED):
        steps.append(transforms.RandomCrop(size, padding=max(1, round(size / 8)), padding_mode="edge"))
    steps += [transforms.ToTensor(), transforms.Normalize(task.mean, task.deviation)]
    if augment == "cutout":  # a square of a quarter of the side in the mean colour
        steps.append(transforms.RandomErasing(p=1.0, scale=(1 / 16, 1 / 16), ratio=(1.0, 1.0)))
    return transforms.Compose(steps)


def pictures(task: Task, part: str, augment: str) -> Dataset:
    """The pictures of `part`, train or validation."""
    transform = transform_of(task, augment)
    if task.files:
        return datasets.ImageFolder(str(Path(task.folder) / part), transform=transform)
    return Arrays(Path(task.folder) / f"{part}.npz", transform)


def get_loaders(task: Task, augment: str) -> tuple[DataLoader, DataLoader]:
    """(train, validation), with the defaults of DataLoader."""
    train = DataLoader(pictures(task, "train", augment), batch_size=task.batch_size, shuffle=True)
    valid = DataLoader(pictures(task, "validation", "none"), batch_size=task.batch_size, shuffle=True)
    return train, valid


class Focal(nn.Module):
    """Gamma 2; labels [B], or [B, classes] when they are blended."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        shares = labels if labels.ndim == 2 else functional.one_hot(labels, logits.shape[1])
        right = functional.log_softmax(logits, dim=1)
        return -(shares * (1 - right.exp()) ** 2 * right).sum(dim=1).mean()


def loss_of(name: str, loader: DataLoader, classes: int) -> nn.Module:
    if name == "label_smoothing":
        return nn.CrossEntropyLoss(label_smoothing=0.1)
    if name == "class_balanced":  # Cui et al. 2019, beta 0.999
        labels = loader.dataset.targets  # pyright: ignore[reportAttributeAccessIssue]
        weights = (1 - 0.999) / (1 - 0.999 ** torch.tensor(labels).bincount(minlength=classes))
        return nn.CrossEntropyLoss(weight=weights / weights.mean())
    return Focal() if name == "focal" else nn.CrossEntropyLoss()


class Training:
    """One trial as a script has it: everything is built anew; `epoch` trains once through and returns the accuracy."""

    def __init__(self, task: Task, lr: float, loss: str, augment: str) -> None:
        self.device = torch.device(task.device)
        self.train_loader, self.valid_loader = get_loaders(task, augment)
        self.model = define_model(task).to(self.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=lr, weight_decay=task.weight_decay)
        steps = len(self.train_loader)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: task.factor(step, steps))
        self.criterion = loss_of(loss, self.train_loader, task.classes).to(self.device)
        self.blend = v2.MixUp(alpha=0.2, num_classes=task.classes) if augment == "mixup" else None

    def epoch(self) -> float:
        self.model.train()
        for data, target in self.train_loader:
            data, target = data.to(self.device), target.to(self.device)
            if self.blend:
                data, target = self.blend(data, target)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(data), target)
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
        return self.accuracy()

    def accuracy(self) -> float:
        self.model.eval()
        correct, seen = 0, 0
        with torch.no_grad():
            for data, target in self.valid_loader:
                data, target = data.to(self.device), target.to(self.device)
                correct += (self.model(data).argmax(dim=1) == target).sum().item()
                seen += len(target)
        return correct / seen

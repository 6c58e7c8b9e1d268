"""What is trained in the benchmarks: fixed before anything was measured."""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contestants.task import Task
from benchmarks.gate import GATE
from benchmarks.pictures import prepare

LRS = (0.00025, 0.0005, 0.001, 0.0014, 0.002, 0.0028, 0.004, 0.008)  # around the best of each net; none diverges


@dataclass(frozen=True)
class Case:
    """A net on pictures of a size. Batches of `batch_size` images, `lrs` trained for `epochs` each."""

    backbone: str
    image_size: int
    channels: int = 1
    files: bool = False
    stem: str = "native"
    batch_size: int = 64
    lrs: tuple[float, ...] = LRS
    epochs: int = 12
    decay_epochs: int = 3

    @property
    def words(self) -> str:
        stem = ", 3x3 stem" if self.stem == "small" else ""
        return f"{self.backbone} {self.image_size} px{stem}{', JPEG files' if self.files else ''}"

    def of_files(self) -> "Case":
        """The same from JPEG files."""
        return replace(self, files=True)


TRIAL_CASES = (
    Case("test_resnet", 32),
    Case("resnet18", 64, lrs=LRS[1:5], epochs=4, decay_epochs=2),
    Case("test_resnet", 32, channels=3, files=True),
)
GPU_TRIAL_CASES = (
    Case("resnet18", 64, channels=3, batch_size=128),
    Case("resnet18", 32, channels=3, stem="small", batch_size=128),
    Case("resnet18", 224, channels=3, files=True, batch_size=128, lrs=LRS[1:5]),
)
STEP_CASES = (Case("test_resnet", 32, channels=3), Case("resnet18", 64, channels=3))
GPU_STEP_CASES = (
    Case("resnet18", 224, channels=3, batch_size=256),
    Case("resnet18", 64, channels=3, batch_size=256),
    Case("resnet18", 32, channels=3, stem="small", batch_size=256),
)
DATA_CASES = (Case("test_resnet", 32, channels=3), Case("test_resnet", 64, channels=3))
QUICK_IMAGES = 300  # of the toy size, development, validation and test together


@dataclass(frozen=True)
class Settings:
    """What the command line says, resolved on this machine."""

    device: str
    processes: int  # one per core; on a GPU as many as are to share it
    quick: bool
    rounds: int | None  # None: each benchmark has its own number
    data: str
    only: str  # cases whose words hold it; empty: all
    gpu_missing: bool  # a GPU was asked for and is not here: toy size on the CPU instead
    seconds: float | None = None  # None: each benchmark of a pace has its own

    def seconds_or(self, usual: float) -> float:
        """How long a pace is measured."""
        return self.seconds or (0.1 if self.quick else usual)

    def rounds_or(self, usual: int) -> int:
        return self.rounds or (1 if self.quick else usual)

    @property
    def allowed(self) -> float:
        """How far below another score ours may lie; at toy size scores are noise, and only the lists are compared."""
        return 1.0 if self.quick else GATE

    def sized(self, cases: tuple[Case, ...]) -> tuple[Case, ...]:
        """The cases asked for, or for `quick` the first of them at toy size."""
        if not self.quick:
            return tuple(case for case in cases if self.only in case.words)
        return tuple(replace(case, image_size=16, lrs=LRS[5:7], epochs=3, decay_epochs=1) for case in cases[:1])

    def cases(self, on_cpu: tuple[Case, ...], on_gpu: tuple[Case, ...]) -> tuple[Case, ...]:
        return self.sized(on_gpu if self.device == "cuda" else on_cpu)


def options(description: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--processes", type=int, help="default: one per core, or one per GPU")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="that a pace is measured")
    parser.add_argument("--only", default="", metavar="WORDS", help="cases called so: 'JPEG', 'resnet18 64 px'")
    parser.add_argument("--quick", action="store_true", help="toy size: does it work?")
    parser.add_argument("--data", default="digits", help="whatever search.launch takes as --data")
    return parser


def settings(asked: argparse.Namespace) -> Settings:
    missing = False
    if asked.device == "cuda":
        import torch

        missing = not torch.cuda.is_available()
    device = "cpu" if missing else asked.device
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = asked.processes or (1 if device == "cuda" else cores)
    data = asked.data if asked.data in ("digits", "faces") else str(Path(asked.data).resolve())
    return Settings(device, processes, asked.quick or missing, asked.rounds, data, asked.only, missing, asked.seconds)


def task_of(case: Case, at: Settings, folder: Path) -> Task:
    """The pictures of `case` made in `folder`, and what everybody is asked to train on them."""
    limit = QUICK_IMAGES if at.quick else 0
    made = prepare(folder, at.data, case.image_size, case.channels, files=case.files, limit=limit)
    return Task(
        folder=str(folder),
        files=case.files,
        image_size=case.image_size,
        channels=case.channels,
        classes=made.classes,
        mean=made.mean,
        deviation=made.deviation,
        backbone=case.backbone,
        stem=case.stem,
        lrs=case.lrs,
        batch_size=case.batch_size,
        epochs=case.epochs,
        warmup_epochs=1,
        decay_epochs=case.decay_epochs,
        weight_decay=0.05,
        device=at.device,
        processes=at.processes,
    )

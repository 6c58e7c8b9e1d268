"""What every contestant is asked to train, what it answers, and the two files by which both travel."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """An equal list of recipes, one per learning rate; or, with `trials`, a search over the joint space."""

    folder: str  # as benchmarks.pictures.prepare has made it: all.npz, train.npz, ... or all/, train/, ... of JPEGs
    files: bool  # whether the pictures are JPEG files, of any size, and not arrays of `image_size`
    image_size: int  # pixels, height and width, of what the net sees
    channels: int
    classes: int
    mean: tuple[float, ...]  # per channel, of the training images, levels 0..1
    deviation: tuple[float, ...]
    backbone: str  # of timm
    stem: str  # native, or small: a 3x3 convolution of stride 1 and no pooling
    lrs: tuple[float, ...]
    batch_size: int
    epochs: int  # warm-up and decay included, both linear
    warmup_epochs: int
    decay_epochs: int
    weight_decay: float  # of AdamW
    device: str
    processes: int  # of those contestants that train in several: one per core, or as many as share a GPU
    trials: int = 0  # 0: the equal list, nothing pruned; else so many trials of the joint space, pruned

    def factor(self, step: int, steps: int) -> float:
        """What the learning rate is multiplied by at `step`, from 0, of epochs of `steps` steps: the same for all.

        The root of the batch size is the rule that our recipes scale AdamW by; everybody gets it.
        """
        warm = min(1.0, (step + 1) / (self.warmup_epochs * steps)) if self.warmup_epochs else 1.0
        gone = (step - (self.epochs - self.decay_epochs) * steps) / (self.decay_epochs * steps)
        return math.sqrt(self.batch_size / 64) * warm * min(1.0, 1.0 - gone)


@dataclass(frozen=True)
class Trained:
    """One trial: its learning rate, the epochs it was trained for and its accuracy on validation after the last."""

    lr: float
    epochs: int
    score: float


@dataclass(frozen=True)
class Answer:
    trained: tuple[Trained, ...]
    lr: float = 0.0  # of the best recipe; what a search recommends
    loss: str = ""
    augment: str = ""
    trials: int = 0  # of a search: how many were begun


def read_task(file: Path) -> Task:
    fields = json.loads(file.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Task(**(fields | lists))


def write(file: Path, content: Task | Answer) -> None:
    file.write_text(json.dumps(asdict(content)), encoding="utf-8")


def read_answer(file: Path) -> Answer:
    fields = json.loads(file.read_text(encoding="utf-8"))
    return Answer(**(fields | {"trained": tuple(Trained(**one) for one in fields["trained"])}))


def carry(run: Callable[[Task], Answer]) -> None:
    """The main program of a contestant: the last words are TASK.json, to be read, and ANSWER.json, to be written."""
    task, answer = (Path(word) for word in sys.argv[-2:])
    write(answer, run(read_task(task)))

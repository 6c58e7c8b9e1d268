"""`python -m benchmarks.epoch`: seconds of one epoch of training and validation, once everything is built and warm.

Optuna's example, the same by a good user, ours; flip and shift; each trains one recipe to its end, alone, in a process
of its own, and its first epoch is not counted. Where an epoch is long this is what a long trial costs; in
`benchmarks.trial` the start counts, too.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.cases import Case, Settings, options, settings, task_of
from benchmarks.contestants.task import Task, read_task, write
from benchmarks.report import header, table
from benchmarks.rounds import Contestant, Spread, interleaved, ratios

ROUNDS = 1
OURS = "ours"
NAMES = {"Optuna's example": "example", "the same by a good user": "good", OURS: "ours"}
CASES = (Case("resnet18", 64, lrs=(0.001,), epochs=3, decay_epochs=1),)
GPU_CASES = (Case("resnet18", 64, channels=3, batch_size=128, lrs=(0.001,), epochs=5, decay_epochs=2),)


@dataclass(frozen=True)
class Epochs:
    seconds: list[float]
    accuracy: float  # on validation, after the last


def example(task: Task) -> Iterator[float]:
    from benchmarks.contestants import usual

    training = usual.Training(task, task.lrs[0], "cross_entropy", usual.LISTED)
    for _ in range(task.epochs):
        yield training.epoch()


def good(task: Task) -> Iterator[float]:
    from benchmarks.contestants import good_user

    parts = (good_user.in_memory(task, part) for part in ("train", "validation"))
    training = good_user.Training(task, *parts)
    training.reset(task.lrs[0])
    for _ in range(task.epochs):
        training.epoch()
        yield training.accuracy()


def ours(task: Task) -> Iterator[float]:
    from benchmarks.contestants.chunks import ours_on
    from trainer.modes import fastest
    from trainer.nets import Nets
    from trainer.replicate import Replicate
    from trainer.run import Run

    recipe, data = ours_on(task)
    mode, tried = fastest(recipe, data, data.device)  # as a worker of a long study chooses it
    print(recipe.precision, tried)
    recipe = recipe.model_copy(update={"lr": task.lrs[0]})
    for epoch in Run(recipe, Replicate.numbered(0), data, data.device, nets=Nets(mode)):
        yield epoch.score


WAYS: dict[str, Callable[[Task], Iterator[float]]] = {"example": example, "good": good, "ours": ours}


def timed(epochs: Iterator[float]) -> Epochs:
    seconds, scores, began = [], [], time.perf_counter()
    for score in epochs:  # a number: whoever has it has waited for the device
        scores.append(score)
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
    return Epochs(seconds[1:], scores[-1])


def measure(case: Case, at: Settings) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        task = task_of(case, at, Path(folder))
        write(Path(folder) / "task.json", task)
        words = f"batches of {case.batch_size}, lr {case.lrs[0]:g}, {case.epochs} epochs of {Path(at.data).name}"
        print(f"\n### Epoch: {case.words}\n\n{words}.\n", flush=True)
        command = (sys.executable, "-m", "benchmarks.epoch")
        each = (Contestant(n, (*command, way, str(Path(folder) / "task.json")), read) for n, way in NAMES.items())
        samples = interleaved(list(each), at.rounds_or(ROUNDS))
    seconds = {name: [s for sample in some for s in sample.answer.seconds] for name, some in samples.items()}
    rows = [
        [
            name,
            Spread.of(mine).shown(2),
            ratios(mine, seconds[OURS]).shown(2),
            f"{samples[name][-1].answer.accuracy:.4f}",
        ]
        for name, mine in seconds.items()
    ]
    print(table(("contestant", "seconds an epoch", "times ours", "accuracy"), rows), flush=True)
    return True


def read(file: Path) -> Epochs:
    return Epochs(**json.loads(file.read_text(encoding="utf-8")))


def run(at: Settings) -> bool:
    return all(measure(case, at) for case in at.cases(CASES, GPU_CASES))


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] in WAYS:
        _, way, task, answer = sys.argv
        found = timed(WAYS[way](read_task(Path(task))))
        Path(answer).write_text(json.dumps(asdict(found)), encoding="utf-8")
        return
    at = settings(options(__doc__).parse_args())
    print(header(at.device, 1))
    run(at)


if __name__ == "__main__":
    main()

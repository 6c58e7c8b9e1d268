"""How many images a second: of training steps, and of the way from stored pictures to batches.

`python -m benchmarks.contestants.paces NAME PROCESSES SECONDS TASK.json ANSWER.json`: after a warm-up all processes
begin together, and their images a second are summed. The parent of several imports nothing heavy.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.contestants.task import Task, read_task
from search.surroundings import surroundings

PATIENCE = 300.0  # seconds that one process waits for the others to be ready


@dataclass(frozen=True)
class Pace:
    per_second: float  # images, of all processes
    per_core_second: float


def alone(name: str, task: Task, seconds: float, meet: Callable[[], None] = lambda: None) -> Pace:
    """Chunks of `name` for at least `seconds`, after one for warming up."""
    from benchmarks.contestants.chunks import NAMES

    chunks = NAMES[name](task)
    next(chunks)
    meet()
    images, spent, cores = 0, 0.0, 0.0
    while spent < seconds:
        more = next(chunks)
        images, spent, cores = images + more[0], spent + more[1], cores + more[2]
    return Pace(images / spent, images / cores)


def together(words: list[str], processes: int) -> Pace:
    """Several processes with a thread each, in the environment of our workers, which does nobody harm."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        answers = [place / f"{number}.json" for number in range(processes)]
        command = (sys.executable, "-m", "benchmarks.contestants.paces", *words)
        environment = surroundings(os.environ)
        crew = [
            subprocess.Popen((*command, str(answer), str(place / "ready"), str(processes)), env=environment)
            for answer in answers
        ]
        codes = [worker.wait() for worker in crew]
        if any(codes):
            raise RuntimeError(f"{words[0]} failed in one of {processes} processes")
        paces = [Pace(**json.loads(answer.read_text(encoding="utf-8"))) for answer in answers]
    rate = sum(pace.per_second for pace in paces)
    cores = sum(pace.per_second / pace.per_core_second for pace in paces)
    return Pace(rate, rate / cores)


def _meeting(ready: Path, processes: int) -> Callable[[], None]:
    def meet() -> None:
        with ready.open("a", encoding="utf-8") as book:
            book.write("x")
        end = time.monotonic() + PATIENCE
        while ready.stat().st_size < processes:
            if time.monotonic() > end:
                raise RuntimeError(f"not all of {processes} processes were ready within {PATIENCE:g} s")
            time.sleep(0.01)

    return meet


def main() -> None:
    """PROCESSES 0: one, with the default threads of torch. What follows ANSWER.json is for children of this program."""
    name, processes, seconds, task_file, answer, *rest = sys.argv[1:]
    task = read_task(Path(task_file))
    if rest:
        import torch

        torch.set_num_threads(1)
        pace = alone(name, task, float(seconds), _meeting(Path(rest[0]), int(rest[1])))
    elif processes == "0":
        pace = alone(name, task, float(seconds))
    else:
        pace = together([name, processes, seconds, task_file], int(processes))
    Path(answer).write_text(json.dumps(asdict(pace)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""`python -m benchmarks.step`: images a second of one training step on synthetic data.

Contestants: torch's defaults (eager, fp32, all threads), a good user (channels_last, bf16 where the device has it, a
fused AdamW), ours. Theirs step on a batch that is ready; ours also fetches and normalises each batch and averages the
weights. Ours and the good user run one process per core, or `--processes` on one GPU, whose images are summed.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.cases import GPU_STEP_CASES, STEP_CASES, Case, Settings, options, settings
from benchmarks.contestants.paces import Pace
from benchmarks.contestants.task import Task, write
from benchmarks.report import header, table
from benchmarks.rounds import Contestant, Sample, Spread, interleaved, ratios

ROUNDS, SECONDS = 5, 5.0
OURS = "ours"
HEAD = ("contestant", "images a second", "ours is times it", "images a core-second", "ours is times it")
CPU_IMAGES, GPU_IMAGES, GPU_BYTES = 480, 48_000, 2**31  # of the synthetic set; on a GPU at most so many bytes


def contestants(task_file: Path, processes: int, seconds: float) -> list[Contestant[Pace]]:
    taking_part = {"torch's defaults": ("eager_step", 0), "a good user": ("good_step", processes)}
    return [
        contestant(name, module, own, seconds, task_file)
        for name, (module, own) in {**taking_part, OURS: ("ours_step", processes)}.items()
    ]


def contestant(name: str, module: str, processes: int, seconds: float, task_file: Path) -> Contestant[Pace]:
    words = (module, str(processes), str(seconds), str(task_file))
    return Contestant(name, (sys.executable, "-m", "benchmarks.contestants.paces", *words), read_pace)


def read_pace(file: Path) -> Pace:
    return Pace(**json.loads(file.read_text(encoding="utf-8")))


def synthetic(case: Case, at: Settings, folder: Path) -> Task:
    """Random pictures of ten classes in `folder`, and the task of training on them."""
    side, channels = case.image_size, case.channels
    count = CPU_IMAGES if at.device == "cpu" else min(GPU_IMAGES, GPU_BYTES // (side * side * channels))
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    np.savez(folder / "all.npz", images=images, labels=np.arange(count) % 10)
    return Task(
        folder=str(folder),
        files=False,
        image_size=side,
        channels=channels,
        classes=10,
        mean=(0.5,) * channels,
        deviation=(0.25,) * channels,
        backbone=case.backbone,
        stem=case.stem,
        lrs=(1e-3,),
        batch_size=case.batch_size,
        epochs=case.epochs,
        warmup_epochs=1,
        decay_epochs=case.decay_epochs,
        weight_decay=0.05,
        device=at.device,
        processes=at.processes,
    )


def rows(samples: Mapping[str, Sequence[Sample[Pace]]]) -> list[list[str]]:
    found = []
    for name, some in samples.items():
        line = [name]
        for field in ("per_second", "per_core_second"):
            theirs, mine = ([getattr(s.answer, field) for s in one] for one in (some, samples[OURS]))
            line += [Spread.of(theirs).shown(0), ratios(mine, theirs).shown(2)]
        found.append(line)
    return found


def measure(case: Case, at: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "task.json", synthetic(case, at, Path(folder)))
        print(f"\n### Step: {case.words}, batches of {case.batch_size}, {at.processes} processes\n", flush=True)
        taking_part = contestants(Path(folder) / "task.json", at.processes, at.seconds_or(SECONDS))
        samples = interleaved(taking_part, at.rounds_or(ROUNDS))
    print(table(HEAD, rows(samples)), flush=True)


def run(at: Settings) -> bool:
    for case in at.cases(STEP_CASES, GPU_STEP_CASES):
        measure(replace(case, batch_size=16) if at.quick else case, at)
    return True


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, at.processes))
    run(at)


if __name__ == "__main__":
    main()

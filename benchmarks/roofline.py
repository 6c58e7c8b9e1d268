"""`python -m benchmarks.roofline`: which limit of the device binds a training step, and what share of it ours reaches.

Ceilings (matrix product, convolution, memory copy) and our images a second are measured one after the other in one run,
on a CPU with one thread each, on a GPU with `--processes` runs summed. A step cannot take less time than its arithmetic
at the higher of the two arithmetic ceilings, nor than the bytes it must move at the speed of a copy; the longer of both
is the limit. Caches can hold what is counted as moved, so a share above 1 of the memory limit is possible.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.cases import GPU_STEP_CASES, STEP_CASES, Case, Settings, options, settings
from benchmarks.ceilings import Needs, ceilings, needs
from benchmarks.contestants import usual
from benchmarks.contestants.chunks import precision_of
from benchmarks.contestants.task import Task, write
from benchmarks.report import header, table
from benchmarks.rounds import Spread, interleaved
from benchmarks.step import SECONDS, contestant, synthetic

ROUNDS = 3
HEAD = (
    "net",
    "precision",
    "matmul GFLOP/s",
    "convolution GFLOP/s",
    "copy GB/s",
    "MFLOP an image",
    "MB an image",
    "arithmetic allows img/s",
    "memory allows img/s",
    "ours img/s",
    "share of the limit",
    "binds",
)


def needs_of(task: Task, precision: torch.dtype) -> Needs:
    device = torch.device(task.device)
    model = usual.define_model(task).to(device).train()
    shape = (task.batch_size, task.channels, task.image_size, task.image_size)
    labels = torch.zeros(task.batch_size, dtype=torch.int64, device=device)
    return needs(model, torch.randn(shape, device=device), labels, precision)


def measure(case: Case, at: Settings) -> list[str]:
    processes = 1 if at.device == "cpu" else at.processes
    with tempfile.TemporaryDirectory() as folder:
        task = synthetic(case, at, Path(folder))
        write(Path(folder) / "task.json", task)
        ours = contestant("ours", "ours_step", processes, at.seconds_or(SECONDS), Path(folder) / "task.json")
        name = precision_of(task)
        precision = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]
        ceiling = ceilings(torch.device(at.device), precision, quick=at.quick)
        if at.device == "cuda":
            torch.cuda.empty_cache()  # what is measured next is another process
        samples = interleaved([ours], at.rounds_or(ROUNDS))["ours"]
    need = needs_of(task, precision)
    reached = Spread.of([sample.answer.per_second for sample in samples])
    arithmetic, memory = ceiling.arithmetic * 1e9 / need.flops, ceiling.copy * 1e9 / need.bytes
    limit, binds = (arithmetic, "arithmetic") if arithmetic < memory else (memory, "memory")
    numbers = (ceiling.matmul, ceiling.convolution, ceiling.copy, need.flops / 1e6, need.bytes / 1e6)
    return [
        f"{case.words}, batches of {case.batch_size}",
        name,
        *(f"{number:,.1f}" for number in numbers),
        f"{arithmetic:,.0f}",
        f"{memory:,.0f}",
        reached.shown(0),
        f"{100 * reached.median / limit:.0f} %",
        binds,
    ]


def run(at: Settings) -> bool:
    torch.set_num_threads(1)
    print("\n### Roofline\n", flush=True)
    cases = at.cases(STEP_CASES, GPU_STEP_CASES)
    print(table(HEAD, [measure(replace(case, batch_size=16) if at.quick else case, at) for case in cases]), flush=True)
    return True


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, 1 if at.device == "cpu" else at.processes))
    sys.exit(0 if run(at) else 1)


if __name__ == "__main__":
    main()

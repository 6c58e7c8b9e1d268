"""`python -m benchmarks.sharing --device cuda`: images a second of several runs that share one GPU, summed.

Training steps of 1, 2, ... `--processes` processes (4 by default) at once, each with a net and data of its own, all in
the mode that is asked for: captured and compiled by default, `--graphs` captured only. Run it with NVIDIA's MPS and
without: the header says whether it was there.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import step
from benchmarks.cases import GPU_STEP_CASES, STEP_CASES, Case, Settings, options, settings
from benchmarks.report import header, table
from search.machine import mps_runs

SECONDS, MOST = 1.5, 4
SMALL_NET = Case("test_resnet", 32, channels=3, batch_size=64)
STARTS = 300.0  # seconds that a process waits for the others


@dataclass(frozen=True)
class Paced:
    together: int
    per_second: float  # of one of the processes
    peak_gib: float


def run(at: Settings, *, compiled: bool = True) -> bool:
    cases = at.cases(STEP_CASES, (*GPU_STEP_CASES, SMALL_NET))
    most = at.processes if at.processes > 1 else MOST
    way = ("captured, compiled" if compiled else "captured") if at.device == "cuda" else "plain"
    mps = "with MPS" if mps_runs(os.environ) else "without MPS"
    print(f"\n### Several runs on one device: images a second, summed; {way}, {mps}\n", flush=True)
    context = multiprocessing.get_context("spawn")
    found, meeting = context.Queue(), context.Barrier(most)
    workers = [context.Process(target=_work, args=(n, most, cases, at, compiled, meeting, found)) for n in range(most)]
    for worker in workers:
        worker.start()
    rows = []
    for case in cases:
        paces = [found.get(timeout=STARTS) for _ in range(most * (most + 1) // 2)]
        rows.append(_row(case, paces, most, precision_of(at)))
        print(f"{case.words} is measured", file=sys.stderr, flush=True)
    for worker in workers:
        worker.join()
    head = ("net", "precision", *(f"{n} at once" for n in range(1, most + 1)), "memory of each, GiB at most")
    print(table(head, rows), flush=True)
    return True


def precision_of(at: Settings) -> str:
    return "bf16" if at.device == "cuda" else "fp32"


def _row(case: Case, paces: Sequence[Paced], most: int, precision: str) -> list[str]:
    sums = [sum(pace.per_second for pace in paces if pace.together == n) for n in range(1, most + 1)]
    peak = max(pace.peak_gib for pace in paces)
    return [f"{case.words}, batches of {case.batch_size}", precision, *(f"{s:,.0f}" for s in sums), f"{peak:.1f}"]


def _work(
    number: int, most: int, cases: Sequence[Case], at: Settings, compiled: bool, meeting: Any, found: Any
) -> None:
    import torch

    torch.set_num_threads(1)
    for case in cases:
        if number:
            meeting.wait(STARTS)  # the first compiles, the others find it in the cache
        run = _begun(case, at, compiled)
        next(run)
        if not number:
            meeting.wait(STARTS)
        for together in range(1, most + 1):
            meeting.wait(STARTS)
            if number < together:
                images, began = 0, time.perf_counter()
                training = 0.0
                while time.perf_counter() - began < at.seconds_or(SECONDS):
                    epoch = next(run)
                    images, training = images + epoch.images, training + epoch.training_seconds
                peak = torch.cuda.max_memory_allocated() / 2**30 if at.device == "cuda" else 0.0
                found.put(Paced(together, images / training, peak))


def _begun(case: Case, at: Settings, compiled: bool) -> Any:
    """An endless run on random pictures."""
    import torch

    from benchmarks.contestants.ours import data_of, recipe_of
    from trainer.data import Geometry, load, open_source
    from trainer.execution import Mode
    from trainer.nets import Nets
    from trainer.recipe import NoAugment
    from trainer.replicate import Replicate
    from trainer.run import Run

    step.GPU_IMAGES, step.GPU_BYTES = 12_000, 2**29
    with tempfile.TemporaryDirectory() as folder:
        task = step.synthetic(replace(case, batch_size=16) if at.quick else case, at, Path(folder))
        changes = {"augment": NoAugment(), "epochs": 100_000, "precision": precision_of(at)}
        recipe = recipe_of(task).model_copy(update=changes)
        data = load(open_source(data_of(task)), Geometry(recipe.pixels, recipe.channels))
    device = torch.device(at.device)
    mode = Mode(graphs=True, compiled=compiled) if at.device == "cuda" else Mode()
    return Run(recipe, Replicate.numbered(0), data.to(device), device, nets=Nets(mode))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--graphs", action="store_true", help="captured, not compiled")
    given = parser.parse_args()
    at = settings(given)
    print(header(at.device, os.cpu_count() or 1))
    run(at, compiled=not given.graphs)


if __name__ == "__main__":
    main()

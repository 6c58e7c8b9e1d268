"""Whether this machine can start, and on which devices."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.diagnosis import Report
from search.doctor import examine
from search.edge import PreflightStop, UserError
from search.machine import mps_runs

if TYPE_CHECKING:
    import torch

GPU_WORKER_BYTES = 3 * 2**30  # on the card: CUDA's own, the net, its optimizer, activations of small pictures
WORKER_BYTES = 1200 * 2**20  # resident size of one worker with torch, timm and a small net, without its data
HEADROOM_BYTES = 512 * 2**20


IMPORTS = ("torch", "packages")  # without these not even an answer can be shown


@dataclass(frozen=True)
class Ground:
    """`gpus` are the CUDA devices to use, none on the CPU; `problem` is why no work can start here."""

    report: Report
    gpus: tuple[str, ...]
    problem: str | None = None
    mps: bool = False  # NVIDIA's Multi-Process Service runs: kernels of several processes run side by side

    @property
    def device(self) -> "torch.device":
        import torch

        return torch.device(self.gpus[0] if self.gpus else "cpu")

    def require(self) -> None:
        """Raises `PreflightStop` when no work can start here."""
        if self.problem:
            raise PreflightStop(self.problem)


def ground(device: str, folder: Path) -> Ground:
    """Examine the machine, warn, and choose devices: busy GPUs are skipped unless named.

    A machine that cannot work may still show an answer, so what stops it is kept in `problem`. Raises `PreflightStop`
    only when nothing can be imported, `UserError` for a device that is not there.
    """
    kind, _, number = device.partition(":")
    if number and not (kind == "cuda" and number.isdigit()):
        raise UserError(f"device {device!r} is not known; give auto, cpu, cuda or cuda:N (--device, or CETERIS_DEVICE)")
    # As nvidia-smi numbers them, or a busy card would be told from a free one by the wrong number.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    report = examine(folder, kind)
    for finding in report.findings:
        if finding.level == "warn":
            todo = "".join(f"; {line}" for line in finding.todo)
            click.echo(f"warning: {finding.topic}: {finding.text}{todo}", err=True)
    stops = {finding.topic: f"{finding.topic}: {finding.text}; {'; '.join(finding.todo)}" for finding in report.stops}
    for topic in IMPORTS:
        if topic in stops:
            raise PreflightStop(stops[topic])
    if stops:
        return Ground(report, (), next(iter(stops.values())))
    if report.device == "cpu":
        return Ground(report, ())
    import torch

    count = torch.cuda.device_count()
    if number:
        if int(number) >= count:
            raise UserError(
                f"--device {device}: torch sees {count} GPU{'s' if count != 1 else ''}; give cuda:0 to cuda:{count - 1}"
            )
        return Ground(report, (device,), mps=mps_runs(os.environ))
    busy = {index for index, card in enumerate(report.cards) if card.busy}
    gpus = tuple(f"cuda:{n}" for n in range(count) if n not in busy)
    busy_all = "every GPU is in use by somebody else; name one with --device cuda:0, or give --device cpu"
    return Ground(report, gpus, None if gpus else busy_all, mps_runs(os.environ))


def places(on: Ground, workers: int | None, data_bytes: int, image_size: int) -> tuple[str, ...]:
    """The device of each worker: one or several per GPU, or one per core as far as free memory reaches.

    `workers` overrides. Several share a GPU only where NVIDIA's MPS runs and pictures are so small that one cannot
    fill it: without MPS their kernels would take turns.
    """
    if workers is not None:
        return tuple(on.gpus[n % len(on.gpus)] if on.gpus else "cpu" for n in range(workers))
    fits = max(1, (on.report.memory - HEADROOM_BYTES) // (WORKER_BYTES + data_bytes))
    if not on.gpus:
        return ("cpu",) * min(on.report.cores, fits)
    each = 1 if not on.mps or image_size > 64 else 3 if image_size > 32 else 4
    seats = [gpu for turn in range(each) for gpu in on.gpus if turn < max(1, _room_on(on, gpu, data_bytes))]
    return tuple(seats[:fits])


def _room_on(on: Ground, gpu: str, data_bytes: int) -> int:
    """How many workers the free memory of a card holds, each with the data."""
    number = int(gpu.partition(":")[2])
    free = on.report.cards[number].free if number < len(on.report.cards) else None
    return 1 if free is None else (free - HEADROOM_BYTES) // (GPU_WORKER_BYTES + data_bytes)

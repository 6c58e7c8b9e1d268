"""Whether this machine can start, and on which devices."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.diagnosis import Report
from search.doctor import examine
from search.edge import PreflightStop, UserError

if TYPE_CHECKING:
    import torch

WORKER_BYTES = 1200 * 2**20  # resident size of one worker with torch, timm and a small net, without its data
HEADROOM_BYTES = 512 * 2**20


IMPORTS = ("torch", "packages")  # without these not even an answer can be shown


@dataclass(frozen=True)
class Ground:
    """`gpus` are the CUDA devices to use, none on the CPU; `problem` is why no work can start here."""

    report: Report
    gpus: tuple[str, ...]
    problem: str | None = None

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
        return Ground(report, (device,))
    busy = {index for index, card in enumerate(report.cards) if card.busy}
    gpus = tuple(f"cuda:{n}" for n in range(count) if n not in busy)
    busy_all = "every GPU is in use by somebody else; name one with --device cuda:0, or give --device cpu"
    return Ground(report, gpus, None if gpus else busy_all)


def places(on: Ground, workers: int | None, data_bytes: int) -> tuple[str, ...]:
    """The device of each worker: one per GPU, or one per core as far as free memory reaches; `workers` overrides."""
    if workers is None:
        fits = max(1, (on.report.memory - HEADROOM_BYTES) // (WORKER_BYTES + data_bytes))
        workers = min(len(on.gpus) or on.report.cores, fits)
    return tuple(on.gpus[n % len(on.gpus)] if on.gpus else "cpu" for n in range(workers))

"""What the attempts of a study have cost together, in numbers, in words, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.progress import clock
from storage.attempts import AttemptRow
from storage.rows import RunRow


@dataclass(frozen=True)
class WorkDone:
    """Sums over attempts: `seconds` are those of all workers together, so two workers make two in a second."""

    attempts: int
    workers: int
    images: int
    seconds: float
    training_seconds: float
    validation_seconds: float
    core_seconds: float
    device_use: float | None  # mean over the time of the attempts of which it is known
    peak_bytes: int | None  # the highest

    @classmethod
    def of(cls, attempts: Sequence[AttemptRow]) -> "WorkDone":
        known = [(row.device_use, row.seconds) for row in attempts if row.device_use is not None and row.seconds > 0]
        length = sum(seconds for _, seconds in known)
        return cls(
            attempts=len(attempts),
            workers=len({row.worker for row in attempts}),
            images=sum(row.images for row in attempts),
            seconds=sum(row.seconds for row in attempts),
            training_seconds=sum(row.training_seconds for row in attempts),
            validation_seconds=sum(row.validation_seconds for row in attempts),
            core_seconds=sum(row.core_seconds for row in attempts),
            device_use=sum(use * seconds for use, seconds in known) / length if known else None,
            peak_bytes=max((row.peak_bytes for row in attempts if row.peak_bytes is not None), default=None),
        )

    @property
    def images_per_second(self) -> float | None:
        """Per worker: trained images over the whole time of the attempts, validation and all else included."""
        return self.images / self.seconds if self.seconds > 0 else None

    @property
    def outside_share(self) -> float | None:
        """The share of the time in which neither a step nor a validation was under way."""
        if self.seconds <= 0:
            return None
        return max(0.0, 1 - (self.training_seconds + self.validation_seconds) / self.seconds)


def sentence(work: WorkDone) -> str | None:
    """All of it in one line; None before the first report."""
    rate, outside = work.images_per_second, work.outside_share
    if rate is None or outside is None:
        return None
    workers = "1 worker" if work.workers == 1 else f"{work.workers} workers"
    each = "" if work.workers == 1 else " each"
    parts = [
        f"trained {work.images:,} images in {clock(work.seconds)} of work on {workers} ({rate:,.0f} images/s{each})",
        f"{outside:.0%} of the time outside step and validation".replace("%", " %"),
    ]
    if work.device_use is not None:
        parts.append(f"GPU use {work.device_use * 100:.0f} %")
    return "; ".join(parts)


def pace(attempts: Sequence[AttemptRow], worker: str) -> str:
    """How fast a worker has been in its latest attempt that it has told of: `4,330 images/s, GPU use 83 %`, or ''."""
    latest = [row for row in attempts if row.worker == worker and row.images][-1:]
    work = WorkDone.of(latest)
    if work.images_per_second is None:
        return ""
    use = "" if work.device_use is None else f", GPU use {work.device_use * 100:.0f} %"
    return f"{work.images_per_second:,.0f} images/s{use}"


def work_document(attempts: Sequence[AttemptRow]) -> dict[str, Any]:
    work = WorkDone.of(attempts)
    rates = {"images_per_second": work.images_per_second, "outside_share": work.outside_share}
    return {name: getattr(work, name) for name in WorkDone.__dataclass_fields__} | rates


def attempt_document(row: AttemptRow, runs: Mapping[int, RunRow]) -> dict[str, Any]:
    """`runs`: the trials by id, each in the phase where it was trained."""
    run = runs.get(row.trial_id)
    identity = {"phase": run.phase if run else None, "number": run.number if run else None, "token": row.token}
    names = (
        "worker",
        "host",
        "device",
        "mode",
        "began_at",
        "seconds",
        "images",
        "training_seconds",
        "validation_seconds",
        "device_use",
        "core_seconds",
        "peak_bytes",
    )
    return identity | {name: getattr(row, name) for name in names}

"""How fast a study goes and how long it will take, from what its runs have needed so far."""

from collections import deque
from collections.abc import Sequence
from statistics import fmean

from search.snapshot import Snapshot
from storage.rows import RunRow

WINDOW_SECONDS = 60.0  # epochs are told in bundles, every ten seconds at most


class EpochRate:
    """Epochs per second of all workers, over the last minute of looking."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, snapshot: Snapshot) -> None:
        self._seen.append((snapshot.now, sum(row.epochs for row in snapshot.trained if not row.reused)))
        while self._seen[-1][0] - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def value(self) -> float | None:
        """None before the first epoch, and where nothing has been told for a minute."""
        (then, before), (now, epochs) = self._seen[0], self._seen[-1]
        return (epochs - before) / (now - then) if now > then and epochs > before else None


def seconds_to_go(snapshot: Snapshot) -> float | None:
    """At most, with the workers at work: runs of a screen as long as those of screens so far (many are pruned), others
    as whole runs. None before the first run has ended, or when nobody works."""
    ended = [row for row in snapshot.ended if row.seconds and not row.reused]
    if not ended or not snapshot.alive:
        return None
    screened, whole = (
        _mean([row for row in ended if is_screen(row.phase)]),
        _mean([r for r in ended if r.stop != "pruned"]),
    )
    seconds = 0.0
    for phase, runs in snapshot.left.items():
        each = screened if is_screen(phase) else whole
        seconds += runs * (each or _mean(ended) or 0.0)
    return seconds / len(snapshot.alive)


def gpu_use(snapshot: Snapshot) -> float | None:
    """Mean over the workers at work, each in its latest attempt that has told of it; None: not known."""
    here = {worker.worker_id for worker in snapshot.alive}
    latest = {
        row.worker: row.device_use for row in snapshot.attempts if row.worker in here and row.device_use is not None
    }
    return fmean(latest.values()) if latest else None


def is_screen(phase: str) -> bool:
    return phase[0].isdigit() and "/" not in phase


def _mean(rows: Sequence[RunRow]) -> float | None:
    return fmean(row.seconds for row in rows) if rows else None

"""The store: one worker's view of the shared database. Safe for two threads; holds no transaction between calls."""

from collections.abc import Callable, Sequence

from storage.rows import (
    JSON,
    CellKey,
    CheckpointRow,
    EpochRow,
    Lease,
    Manifest,
    PhaseDone,
    PhaseState,
    Proposal,
    Result,
    RungScore,
    RunRow,
    StudySummary,
    TestOpening,
    Verdict,
    Wait,
    WorkerRow,
)

Draw = Callable[[frozenset[CellKey]], Proposal | None]


class Store:
    """Signatures only in this commit; the bodies follow."""

    url_without_secret: str

    @classmethod
    def connect(cls, url: str, *, wait: float = 0.0, patience: float = 3600.0, ttl: float = 30.0) -> "Store":
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def create(self, name: str, manifest: Manifest) -> Manifest:
        raise NotImplementedError

    def manifest(self, name: str) -> Manifest | None:
        raise NotImplementedError

    def studies(self) -> list[StudySummary]:
        raise NotImplementedError

    def delete(self, name: str, *, force: bool = False) -> None:
        raise NotImplementedError

    def measure_once(self, study_id: int, key: str, value: JSON, worker: str) -> JSON:
        raise NotImplementedError

    def measurement(self, study_id: int, key: str) -> JSON:
        raise NotImplementedError

    def decide_once(self, study_id: int, stage: str, verdict: Verdict) -> Verdict:
        raise NotImplementedError

    def verdicts(self, study_id: int) -> list[Verdict]:
        raise NotImplementedError

    def open_phase(self, study_id: int, phase: str, allowed: int) -> None:
        raise NotImplementedError

    def close_phase(self, study_id: int, phase: str, reason: str) -> str:
        raise NotImplementedError

    def phases(self, study_id: int) -> list[PhaseState]:
        raise NotImplementedError

    def claim(self, study_id: int, phase: str, worker: str, nonce: str, draw: Draw) -> Lease | Wait | PhaseDone:
        raise NotImplementedError

    def renew(self, lease: Lease) -> None:
        raise NotImplementedError

    def report(self, lease: Lease, epochs: Sequence[EpochRow], checkpoint: CheckpointRow | None = None) -> None:
        raise NotImplementedError

    def finish(
        self,
        lease: Lease,
        result: Result,
        epochs: Sequence[EpochRow] = (),
        checkpoints: Sequence[CheckpointRow] = (),
    ) -> None:
        raise NotImplementedError

    def release(self, lease: Lease) -> None:
        raise NotImplementedError

    def runs(self, study_id: int, phase: str | None = None) -> list[RunRow]:
        raise NotImplementedError

    def rung_scores(self, study_id: int, phase: str, epoch: int) -> list[RungScore]:
        raise NotImplementedError

    def curves(self, study_id: int, phase: str) -> dict[int, list[EpochRow]]:
        raise NotImplementedError

    def checkpoints(self, trial_id: int) -> list[CheckpointRow]:
        raise NotImplementedError

    def register_worker(
        self, study_id: int, worker_id: str, host: str, pid: int, device: str, versions: dict[str, str]
    ) -> None:
        raise NotImplementedError

    def beat(self, worker_id: str, doing: str) -> None:
        raise NotImplementedError

    def leave(self, worker_id: str) -> None:
        raise NotImplementedError

    def workers(self, study_id: int) -> list[WorkerRow]:
        raise NotImplementedError

    def record_test_opening(self, study_id: int, who: str, why: str) -> None:
        raise NotImplementedError

    def test_openings(self, study_id: int) -> list[TestOpening]:
        raise NotImplementedError

    def set_test_score(self, study_id: int, cell_id: int, score: float, details: JSON = None) -> None:
        raise NotImplementedError

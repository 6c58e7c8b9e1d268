"""The plain values that go into the store and come out of it.

Times are seconds since 1970 on the clock of the database. Scores are validation scores unless named `test_score`,
higher is better; a score of an epoch that is not a finite number reads back as NaN. A recipe is opaque text here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:  # Optuna is slow to import, and these rows are imported everywhere
    from optuna.distributions import BaseDistribution

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
State: TypeAlias = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]
Stop: TypeAlias = Literal["finished", "stalled", "pruned", "diverged", "failed"]
CheckpointKind: TypeAlias = Literal["resume", "best", "final"]

UNFINISHED: tuple[State, ...] = ("WAITING", "RUNNING")
ELSEWHERE = "at work for"  # so begins what a worker does, where it serves another study at the moment
STATE_OF_STOP: dict[Stop, State] = {
    "finished": "COMPLETE",
    "stalled": "COMPLETE",
    "diverged": "COMPLETE",
    "pruned": "PRUNED",
    "failed": "FAIL",
}


class CellKey(NamedTuple):
    """The identity of a run within a study (the study holds the data digest)."""

    signature: str
    replicate: int


@dataclass(frozen=True)
class Manifest:
    """The frozen text of a study; `study_id`, `name` and `created_at` are filled in by the store."""

    definition: str  # as asked, unresolved: what joiners compare
    resolved: str  # every "auto" replaced: what joiners adopt
    data_digest: str
    recipe_version: int
    versions: Mapping[str, str]  # library -> version, of the creator
    creator: str
    name: str = ""
    study_id: int = 0
    created_at: float = 0.0


@dataclass(frozen=True)
class StudySummary:
    """One line of the list of studies: runs counted by state, over all phases, each cell once."""

    study_id: int
    name: str
    created_at: float
    creator: str
    states: Mapping[str, int]
    verdicts: int
    live_leases: int


@dataclass(frozen=True)
class Verdict:
    """The recorded decision of a stage. `stage` and `at` are filled in by the store."""

    outcome: str  # "better", "leaning", "tie", ...
    value: str  # the label of the value carried on
    recipe: str
    evidence: JSON
    worker: str
    stage: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class EpochRow:
    """One epoch of one run. `phase` is "warm-up", "constant" or "decay"; `seconds` is its duration."""

    epoch: int  # 1-based
    phase: str
    score: float
    train_loss: float
    val_loss: float
    lr: float
    seconds: float


@dataclass(frozen=True)
class CheckpointRow:
    """Where the bytes of a checkpoint lie. `location` is relative to the folder that wrote it, with forward slashes."""

    trial_id: int
    token: int
    epoch: int
    kind: CheckpointKind
    location: str
    host: str
    size: int  # bytes
    sha256: str
    at: float = 0.0


@dataclass(frozen=True)
class Proposal:
    """A run that the caller would like to start: its identity, its recipe, and how Optuna shows it."""

    cell: CellKey
    data_digest: str
    recipe: str
    role: str
    label: str
    params: Mapping[str, float | int | str]
    distributions: Mapping[str, "BaseDistribution"]
    attrs: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Lease:
    """A worker's right to write to a trial until somebody else holds a higher token."""

    study_id: int
    phase: str  # the phase that was claimed in
    trial_id: int
    number: int  # of the trial in `optuna_study`, for life
    cell_id: int
    token: int
    attempt: int  # 1 + workers lost so far; clean releases do not count
    recipe: str
    replicate: int
    signature: str
    params: Mapping[str, float | int | str]
    label: str
    role: str
    worker: str
    nonce: str
    optuna_study: str  # where the trial lives; another phase's when the cell is shared
    epochs: Sequence[EpochRow] = ()
    checkpoints: Sequence[CheckpointRow] = ()  # newest first, of every attempt


@dataclass(frozen=True)
class Wait:
    """Somebody else is running here: ask again after `seconds`."""

    seconds: float
    running: int = 0


@dataclass(frozen=True)
class PhaseDone:
    """Every run entered in the phase is terminal and none can be added; `reason` says why in words."""

    reason: str


@dataclass(frozen=True)
class Result:
    """How a run ended. `value` is what Optuna shows; a diverged run always shows 0. `test_score`: on the test split."""

    stop: Stop
    reason: str  # in words
    best_score: float | None
    best_epoch: int | None
    last_score: float | None
    value: float | None
    epochs_total: int
    seconds: float
    attrs: Mapping[str, JSON] = field(default_factory=dict)
    test_score: float | None = None

    def __post_init__(self) -> None:
        if self.stop not in STATE_OF_STOP:
            raise ValueError(f"stop={self.stop!r}: one of {', '.join(STATE_OF_STOP)}")
        if self.stop in ("finished", "stalled") and (self.value is None or not isfinite(self.value)):
            raise ValueError(f"a {self.stop} run needs a finite value, not {self.value!r}: such a run has diverged")


@dataclass(frozen=True)
class RunRow:
    """An entry of a phase joined with its cell. `reused` means that the run was trained in another phase."""

    entry_id: int
    cell_id: int
    trial_id: int
    phase: str
    role: str
    label: str
    params: Mapping[str, float | int | str]
    number: int  # in the Optuna study of `phase` (of the home phase while a shared run is unfinished)
    state: State
    stop: Stop | None
    reason: str | None
    best_score: float | None
    best_epoch: int | None
    last_score: float | None
    epochs: int
    seconds: float
    test_score: float | None
    recipe: str
    replicate: int
    signature: str
    worker: str | None
    attempt: int
    reused: bool
    shown_trial: int | None = None  # the trial of `phase`'s own Optuna study; None while a shared run is unfinished


@dataclass(frozen=True)
class RungScore:
    """A run as the rung rule sees it: its best constant-phase score up to the rung. Pruned runs are listed, too."""

    trial_id: int
    number: int
    role: str
    best: float
    state: State
    stop: Stop | None


@dataclass(frozen=True)
class PhaseState:
    """The budget of a phase. `closed` is the reason for which no new run is started, or None."""

    phase: str
    allowed: int
    used: int
    closed: str | None


@dataclass(frozen=True)
class WorkerRow:
    """One worker process of the fleet; `left_at` is None while it has not said goodbye."""

    worker_id: str
    study_id: int
    host: str
    pid: int
    device: str
    versions: Mapping[str, str]
    started_at: float
    last_seen: float
    doing: str
    left_at: float | None

    @property
    def owner(self) -> str:
        """Who runs it, as its system says; empty where it is not known."""
        return self.versions.get("owner", "")


@dataclass(frozen=True)
class TestOpening:
    """One opening of the held-out test labels."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    who: str
    why: str
    at: float

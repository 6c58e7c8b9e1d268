"""What a chaos run is to be like, and the study that it carries."""

from dataclasses import dataclass

from spaces.domain import LogGrid
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from spaces.stage import Stage
from spaces.study import StudyDefinition

NEVER = 10_000
SMALL_EPOCH = 256  # images: about a tenth of a second on a core


@dataclass(frozen=True)
class Plan:
    kind: str  # sleeping or training
    database: str
    trials: int  # in the first screen, at least; of all stages if they are few
    workers: int
    every: float  # seconds between two faults
    seed: int
    pruning: bool
    checkpoint_seconds: float = 0.0
    epoch_seconds: float = 0.05
    lease_seconds: float = 3.0
    limit: float = 1800.0
    strikes: int = NEVER  # then it is calm
    between: int = 0  # trials that must have ended between two faults, however long that takes

    @property
    def words(self) -> str:
        pruned = "pruning on" if self.pruning else "pruning off"
        often = f"a fault every {self.every:g} s" + (f" and {self.between} ended trials" if self.between else "")
        return f"{self.kind} on {self.database}, {self.workers} workers, {often}, seed {self.seed}, {pruned}"

    def definition(self) -> StudyDefinition:
        """A screen of as many learning rates as it takes, a second stage, finals, claims, confirm; less of few."""
        short, training = self.trials < 40, self.kind == "training"
        cells = max(4, self.trials - 10) if short else self.trials
        grid = LogGrid(low=1e-4, high=1e-1, step=max(1.0011, 1000 ** (1 / (cells - 1))))
        lr = Stage(name="lr", factor="lr", domain=grid)
        loss = next(stage for stage in LR_AUG.stages if stage.name == "loss").model_copy(update={"nuisance": None})
        wanted = LR_AUG.model_copy(update={"stages": (lr,) if short else (lr, loss)})
        changes = [
            "baseline.image_size=8",
            "baseline.precision=fp32",
            f"baseline.epochs={8 if training else 10}",
            *([f"baseline.epoch_images={SMALL_EPOCH}"] if training else []),
            "baseline.decay_epochs=1",
            "baseline.lr=0.002",
            "delta=0.005",
            f"budgets.company={4 if self.pruning else NEVER}",
        ]
        budgets = {"pilot": 2, "finals": 2, "finalists": 1, "claims": 2, "confirm": 2} if short else {}
        budgets = budgets or {"pilot": 4, "finals": 3, "finalists": 2, "claims": 3, "confirm": 4}
        return override(wanted, (*changes, *(f"budgets.{name}={value}" for name, value in budgets.items())))

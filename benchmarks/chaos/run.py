"""One chaos run from an empty database to its checks."""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.chaos.checks import Check, all_checks
from benchmarks.chaos.crew import Crew, Job
from benchmarks.chaos.database import Postgres, Sqlite
from benchmarks.chaos.faults import Faults, small_disk, unmount
from benchmarks.chaos.journal import SleepingRun
from search.dataset import dataset_of
from search.join import Asked, create_or_join, facts_of
from search.resolve import resolve
from search.study import Study
from spaces.domain import LogGrid
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from spaces.stage import Stage
from spaces.study import StudyDefinition
from storage.rows import RunRow
from storage.store import Store
from trainer.data import SourceOptions, open_source
from trainer.recipe import read_recipe
from trainer.replicate import Replicate
from trainer.run import Run

NEVER = 10_000


@dataclass(frozen=True)
class Plan:
    kind: str  # sleeping or training
    database: str
    trials: int
    workers: int
    every: float  # seconds between two faults
    seed: int
    pruning: bool
    checkpoint_seconds: float = 0.0
    epoch_seconds: float = 0.05
    lease_seconds: float = 3.0
    limit: float = 1800.0
    strikes: int = NEVER  # then it is calm

    @property
    def words(self) -> str:
        pruned = "pruning on" if self.pruning else "pruning off"
        return f"{self.kind} on {self.database}, {self.workers} workers, a fault every {self.every:g} s, {pruned}"

    def definition(self) -> StudyDefinition:
        """A screen of as many learning rates as it takes, a second stage, finals, claims, confirm; less of few."""
        short, training = self.trials < 40, self.kind == "training"
        rest = 10 if short else 34
        cells = max(4, self.trials - rest)
        grid = LogGrid(low=1e-4, high=1e-1, step=max(1.0011, 1000 ** (1 / (cells - 1))))
        lr = Stage(name="lr", factor="lr", domain=grid)
        loss = next(stage for stage in LR_AUG.stages if stage.name == "loss").model_copy(update={"nuisance": None})
        wanted = LR_AUG.model_copy(update={"stages": (lr,) if short else (lr, loss)})
        changes = [
            "baseline.image_size=8",
            "baseline.precision=fp32",
            f"baseline.epochs={8 if training else 10}",
            "baseline.decay_epochs=1",
            "baseline.lr=0.002",
            "delta=0.005",
            f"budgets.company={4 if self.pruning else NEVER}",
        ]
        budgets = {"pilot": 2, "finals": 2, "finalists": 1, "claims": 2, "confirm": 2} if short else {}
        budgets = budgets or {"pilot": 4, "finals": 3, "finalists": 2, "claims": 3, "confirm": 4}
        return override(wanted, (*changes, *(f"budgets.{name}={value}" for name, value in budgets.items())))


def strike_and_check(plan: Plan, folder: Path, say: Callable[[str], object]) -> bool:
    """Whether everything holds."""
    disks = {name: folder / name for name in ("checkpoints", "database")}
    mounted = {name: disk for name, disk in disks.items() if small_disk(disk, 256)}
    database = Postgres() if plan.database == "postgresql" else Sqlite(disks["database"])
    if isinstance(database, Postgres):
        mounted.pop("database", None)
    try:
        crew, faults, study, took = _chaos(plan, folder, database, mounted)
        say(f"\n{plan.words}: {took:.0f} s")
        struck = ", ".join(f"{name} {count}" for name, count in faults.counts.most_common())
        say(f"  struck {faults.counts.total()} times: {struck}; {crew.started} workers were started")
        if slow := [f"{name} {took:.0f} s" for _, took, name in faults.times if took > 6]:
            say(f"  slow to strike: {', '.join(slow)}")
        rows = [row for row in study.store.runs(study.study_id) if not row.reused]
        lives = _trials_per_life(study, crew)
        say(f"  {len(rows)} trials; the median worker that was killed lived {lives:.1f} trials")
        checks = list(all_checks(study, crew, faults, _alone(plan, study), NEVER if plan.kind == "sleeping" else 12))
        if not plan.pruning:
            checks.append(_same_verdicts(plan, folder, study, database.url))
        for check in checks:
            say(f"  {'ok  ' if check.holds else 'FAIL'} {check.name}: {check.found}")
        study.store.close()
        return all(check.holds for check in checks)
    finally:
        database.close()
        for disk in disks.values():
            unmount(disk)


def _chaos(
    plan: Plan, folder: Path, database: Postgres | Sqlite, disks: dict[str, Path]
) -> tuple[Crew, Faults, Study, float]:
    store = Store.connect(database.url, ttl=plan.lease_seconds, patience=300.0)
    study = create(store, "chaos", plan.definition())
    crew = Crew(job(plan, database.url, study.name, folder), plan.workers)
    faults = Faults(crew, database, disks, plan.seed)
    began = time.monotonic()
    try:
        threading.Thread(target=_strike, args=(plan, crew, faults), daemon=True).start()
        while not crew.answered:
            crew.refill()
            time.sleep(0.05)
            if time.monotonic() - began > plan.limit:
                raise RuntimeError(f"the study is not answered after {plan.limit:.0f} s; see {folder}")
        faults.over()
        while crew.alive and time.monotonic() - began < plan.limit:
            crew.refill()
            time.sleep(0.05)
    finally:
        crew.kill()
    return crew, faults, study, time.monotonic() - began


def _strike(plan: Plan, crew: Crew, faults: Faults) -> None:
    time.sleep(3.0)
    while not crew.answered and faults.counts.total() < plan.strikes:
        faults.strike()
        time.sleep(plan.every)


def job(plan: Plan, url: str, name: str, folder: Path) -> Job:
    return Job(url, name, folder, plan.kind, plan.epoch_seconds, plan.lease_seconds, plan.checkpoint_seconds)


def create(store: Store, name: str, definition: StudyDefinition) -> Study:
    source = open_source("digits")
    facts = facts_of(source, definition.test_fraction)
    resolved = resolve(definition, source, "fp32")
    return create_or_join(store, Asked(name, definition, resolved, "digits", source.digest, facts))[0]


def _alone(plan: Plan, study: Study) -> Callable[[RunRow, Replicate], Run]:
    data = dataset_of(study, "digits", SourceOptions())

    def alone(row: RunRow, replicate: Replicate) -> Run:
        recipe = read_recipe(row.recipe)
        if plan.kind == "sleeping":
            return SleepingRun(recipe, replicate, 0.0)
        return Run(recipe, replicate, data, torch.device("cpu"))

    return alone


def _same_verdicts(plan: Plan, folder: Path, study: Study, url: str) -> Check:
    """Against the same study that nobody disturbs."""
    calm = create(study.store, "calm", plan.definition())
    (folder / "calm").mkdir()
    crew = Crew(job(plan, url, "calm", folder / "calm"), plan.workers)
    while not crew.answered:
        crew.refill()
        time.sleep(0.05)
    crew.kill()
    told = [(v.stage, v.outcome, v.value, v.recipe, v.evidence) for v in study.store.verdicts(study.study_id)]
    expected = [(v.stage, v.outcome, v.value, v.recipe, v.evidence) for v in calm.store.verdicts(calm.study_id)]
    return Check("verdict rows equal those of the undisturbed study", f"{len(told)} stages", told == expected)


def _trials_per_life(study: Study, crew: Crew) -> float:
    attempts = study.store.attempts(study.study_id)
    lives = [sum(f"-{pid}-" in a.worker for a in attempts) for pid, code, _ in crew.ended if code == -9]
    return statistics.median(lives) if lives else 0.0

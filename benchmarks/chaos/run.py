"""One chaos run from an empty database to its checks."""

import shutil
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.chaos.check import Check
from benchmarks.chaos.checks import all_checks
from benchmarks.chaos.crew import Crew, Job, Link
from benchmarks.chaos.database import Postgres, Sqlite
from benchmarks.chaos.faults import Faults
from benchmarks.chaos.journal import SleepingRun
from benchmarks.chaos.places import Disk
from benchmarks.chaos.plan import NEVER, Plan
from search.dataset import dataset_of
from search.join import Asked, create_or_join, facts_of
from search.resolve import resolve
from search.study import Study
from spaces.study import StudyDefinition
from storage.rows import UNFINISHED, RunRow
from storage.store import Store
from trainer.data import SourceOptions, open_source
from trainer.recipe import read_recipe
from trainer.replicate import Replicate
from trainer.run import Run

REAL_CURVES = 40  # that are trained alone once more, those that changed hands most often first
__all__ = ["Plan", "create", "job", "strike_and_check"]


def strike_and_check(plan: Plan, folder: Path, say: Callable[[str], object]) -> bool:
    """Whether everything holds."""
    checkpoints = Disk.mount(folder / "checkpoints", 256)
    database = Postgres(fragile=True) if plan.database == "postgresql" else Sqlite(folder / "database")
    lacking = [*database.lacking, *([] if checkpoints else ["full disk (checkpoints): this account may not mount"])]
    try:
        crew, faults, study, took = _chaos(plan, folder, database, checkpoints)
        say(f"\n{plan.words}: {took:.0f} s")
        struck = ", ".join(f"{name} {count}" for name, count in faults.counts.most_common())
        often = f"one every {took / max(1, faults.counts.total()):.1f} s"
        say(f"  struck {faults.counts.total()} times, {often}: {struck}; {crew.started} workers were started")
        for each in lacking:
            say(f"  not struck: {each}")
        if slow := [f"{name} {took:.0f} s" for _, took, name in faults.times if took > 6]:
            say(f"  slow to strike: {', '.join(slow)}")
        rows = [row for row in study.store.runs(study.study_id) if not row.reused]
        say(f"  {len(rows)} trials; {_lives(study, crew, rows)}")
        checks = list(
            all_checks(study, crew, faults, _alone(plan, study), NEVER if plan.kind == "sleeping" else REAL_CURVES)
        )
        if not plan.pruning:
            checks.append(_same_verdicts(plan, folder, study, database))
        for check in checks:
            say(f"  {'ok  ' if check.holds else 'FAIL'} {check.name}: {check.found}")
        study.store.close()
        return all(check.holds for check in checks)
    finally:
        database.close()
        if checkpoints is not None:
            checkpoints.unmount()


def _chaos(
    plan: Plan, folder: Path, database: Postgres | Sqlite, checkpoints: Disk | None
) -> tuple[Crew, Faults, Study, float]:
    store = Store.connect(database.url, ttl=plan.lease_seconds, patience=300.0)
    study = create(store, "chaos", plan.definition())
    crew = Crew(job(plan, database.url, study.name, folder, database.link), plan.workers)
    faults = Faults(crew, database, checkpoints, plan.seed)
    began = time.monotonic()
    striking = threading.Thread(target=_strike, args=(plan, study, crew, faults), daemon=True)
    try:
        striking.start()
        while not crew.answered:
            crew.refill()
            time.sleep(0.05)
            if time.monotonic() - began > plan.limit:
                raise RuntimeError(f"the study is not answered after {plan.limit:.0f} s; see {folder}")
        took = time.monotonic() - began
        striking.join()
        faults.over()
        while crew.alive and time.monotonic() - began < plan.limit:
            crew.refill()
            time.sleep(0.05)
    finally:
        crew.kill()
        lines = (
            f"{time.strftime('%H:%M:%S', time.localtime(at))} {name} {took:.1f} s" for at, took, name in faults.times
        )
        (folder / "faults.log").write_text("\n".join(lines), encoding="utf-8")
        if isinstance(database, Postgres):
            shutil.copy(database.log, folder / "postgresql.log")
    return crew, faults, study, took


def _strike(plan: Plan, study: Study, crew: Crew, faults: Faults) -> None:
    while not crew.answered and not _ended(study):
        time.sleep(0.1)
    ended = 0
    while not crew.answered and faults.counts.total() < plan.strikes:
        faults.strike()
        time.sleep(plan.every)
        while plan.between and not crew.answered and _ended(study) < ended + plan.between:
            time.sleep(0.2)
        ended = _ended(study) if plan.between else 0


def _ended(study: Study) -> int:
    return sum(row.state not in UNFINISHED for row in study.store.runs(study.study_id))


def job(plan: Plan, url: str, name: str, folder: Path, link: Link | None = None) -> Job:
    seconds = plan.epoch_seconds, plan.lease_seconds, plan.checkpoint_seconds
    return Job(url, name, folder, plan.kind, *seconds, link=link)


def create(store: Store, name: str, definition: StudyDefinition) -> Study:
    source = open_source("digits")
    facts = facts_of(source, definition.test_fraction)
    resolved = resolve(definition, source, "fp32")
    return create_or_join(store, Asked(name, definition, resolved, "digits", source.digest, facts))[0]


def _alone(plan: Plan, study: Study) -> Callable[[RunRow, Replicate], Run]:
    data = dataset_of(study, "digits", SourceOptions())
    torch.set_num_threads(1)  # as a worker has: sums over more threads come out otherwise

    def alone(row: RunRow, replicate: Replicate) -> Run:
        recipe = read_recipe(row.recipe)
        if plan.kind == "sleeping":
            return SleepingRun(recipe, replicate, 0.0)
        return Run(recipe, replicate, data, torch.device("cpu"))

    return alone


def _same_verdicts(plan: Plan, folder: Path, study: Study, database: Postgres | Sqlite) -> Check:
    """Against the same study that nobody disturbs."""
    calm = create(study.store, "calm", plan.definition())
    (folder / "calm").mkdir()
    crew = Crew(job(plan, database.url, "calm", folder / "calm"), plan.workers)
    while not crew.answered:
        crew.refill()
        time.sleep(0.05)
    crew.kill()
    told = [(v.stage, v.outcome, v.value, v.recipe, v.evidence) for v in study.store.verdicts(study.study_id)]
    expected = [(v.stage, v.outcome, v.value, v.recipe, v.evidence) for v in calm.store.verdicts(calm.study_id)]
    return Check("verdict rows equal those of the undisturbed study", f"{len(told)} stages", told == expected)


def _lives(study: Study, crew: Crew, rows: list[RunRow]) -> str:
    """How long the killed ones lived, in trials of the median length: what the calm ones of a run last, too."""
    attempts = study.store.attempts(study.study_id)
    trials = [sum(f"-{pid}-" in a.worker for a in attempts) for pid, code, _ in crew.ended if code == -9]
    seconds = [lived for _, code, lived in crew.ended if code == -9]
    if not trials:
        return "nobody was killed"
    median = f"{statistics.median(trials):.1f} trials, {statistics.median(seconds):.1f} s"
    return f"the median worker that was killed lived {median}"

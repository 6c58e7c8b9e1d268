"""One long outage at a time, of everybody's database: longer than a lease, and nobody may lose a live trial for it."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos.crew import Crew
from benchmarks.chaos.database import Postgres, Sqlite
from benchmarks.chaos.plan import Plan
from benchmarks.chaos.run import create, job
from search.study import Study
from storage.store import Store

AWAY_SECONDS, AFTERWARDS_SECONDS = 60.0, 50.0  # a lease is 30 s: who takes over at all does so in that time
WORKERS = 8

Way = tuple[Callable[[], object], Callable[[], object]]


def go_and_come(database_name: str, folder: Path, say: Callable[[str], object]) -> bool:
    """Whether no live trial was taken over."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan("sleeping", database_name, 200, WORKERS, 0, 0, pruning=False, epoch_seconds=4.0, lease_seconds=30.0)
    database = Postgres(fragile=True) if database_name == "postgresql" else Sqlite(folder / "database")
    store = Store.connect(database.url, patience=300.0)
    study = create(store, "chaos", plan.definition())
    crew = Crew(job(plan, database.url, study.name, folder), WORKERS)
    crew.refill()
    said = [f"not tried: {each}" for each in database.lacking if "disk" in each]
    holds = True
    try:
        while sum(row.state == "RUNNING" for row in store.runs(study.study_id)) < 4:  # as many as the pilot has
            time.sleep(0.2)
        for name, (go, come) in _ways(database).items():
            before = _lost(study)
            go()
            time.sleep(AWAY_SECONDS)
            come()
            time.sleep(AFTERWARDS_SECONDS)
            lost, left = _lost(study) - before, WORKERS - sum(each.exitcode is None for each in crew.alive.values())
            said.append(f"{name} for {AWAY_SECONDS:g} s: {lost} live trials taken over, {left} workers left")
            holds = holds and not lost and not left
    finally:
        crew.kill()
        store.close()
        database.close()
    say(f"\noutages of {database_name}, {WORKERS} workers, lease {plan.lease_seconds:g} s, trials of 40 s")
    for line in said:
        say(f"  {line}")
    return holds


def _lost(study: Study) -> int:
    return sum(row.attempt - 1 for row in study.store.runs(study.study_id))


def _ways(database: Postgres | Sqlite) -> dict[str, Way]:
    ways: dict[str, Way] = {}
    if isinstance(database, Postgres):
        ways["server stopped"] = database.stop, database.start
        ways["link cut"] = database.cable.cut, database.cable.mend
    if (disk := database.disk) is not None:
        ways["disk full"] = disk.fill, lambda: (disk.clear(), database.start())
    return ways

"""What a trial costs the database, counted at the driver: claim, reports, rungs, renewals, end, the phase's books."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from sqlalchemy import event

from benchmarks.chaos.journal import SleepingRun
from search.halted import heed
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.phases import screen
from search.work import RENEWALS_PER_LEASE
from search.worker import Worker
from search.workplace import Workplace
from storage.checkpoints import CheckpointFolder
from storage.rows import Lease
from storage.store import Store
from tests.search.studies import new_study

# The trial, 20 epochs of 1 s under a lease of 30 s, ten times as fast.
EPOCHS, EPOCH_SECONDS, LEASE_SECONDS = 20, 0.1, 3.0
STATEMENTS, COMMITS = 25, 8


@contextmanager
def counted(store: Store) -> Iterator[Counter[str]]:
    """Statements and commits of every engine of a store. BEGIN is not counted: the driver of PostgreSQL sends it."""
    counts: Counter[str] = Counter()

    def statement(connection, cursor, text, *rest) -> None:
        counts["statements"] += sum(not each.startswith(("BEGIN", "COMMIT")) for each in text.split("; "))

    def commit(connection) -> None:
        counts["commits"] += 1

    for engine in {store._database.writer, store._database.reader}:
        event.listen(engine, "before_cursor_execute", statement)
        event.listen(engine, "commit", commit)
    yield counts


def test_a_trial_of_twenty_epochs_costs_at_most_25_statements_and_8_commits(
    database_url: str, tmp_path: Path, leaving: Leaving
) -> None:
    store = Store.connect(database_url, ttl=LEASE_SECONDS)
    study = new_study(store, f"baseline.epochs={EPOCHS}", "baseline.lr=0.002", "delta=0.9")
    store.measure_once(study.study_id, "rules", {"delta": 0.9, "noise": 0.01}, "test")
    keeper = LeaseKeeper(store, "w", LEASE_SECONDS / RENEWALS_PER_LEASE, leaving, partial(heed, study, leaving))
    at = Workplace(
        study=study,
        data=None,  # type: ignore[arg-type] (nobody looks at it)
        device=torch.device("cpu"),
        files={},
        checkpoints=CheckpointFolder(tmp_path),
        keeper=keeper,
        checkpoint_seconds=30.0 / 10,
        leaving=leaving,
        begin=lambda recipe, replicate, at: SleepingRun(recipe, replicate, EPOCH_SECONDS),
    )
    worker = Worker(at, "w")
    phase = screen(study.definition, study.definition.stages[0], study.definition.baseline, 0.002)
    store.open_phase(study.study_id, phase.name, phase.allowed)
    costs = []
    for _ in range(4):  # the first is the incumbent, never judged; the second looks at the rules for the first time
        began = time.monotonic()
        with counted(store) as cost:
            assert not worker._leaves()
            lease = worker._claim(replace(phase))
            assert isinstance(lease, Lease)
            worker._train(lease, phase)
            counts = dict(cost)
        # A machine that takes longer than the trial renews more often; that is not the trial's cost.
        late = max(0, int((time.monotonic() - began) / (LEASE_SECONDS / RENEWALS_PER_LEASE)) - 1)
        costs.append({name: count - late for name, count in counts.items()})
    keeper.close()
    rows = store.runs(study.study_id, phase.name)
    assert [(row.state, row.epochs) for row in rows] == [("COMPLETE", EPOCHS)] * 4
    assert [epoch.epoch for epoch in store.curves(study.study_id, phase.name)[2]] == list(range(1, EPOCHS + 1))
    store.close()
    assert all(cost["statements"] <= STATEMENTS and cost["commits"] <= COMMITS for cost in costs[2:]), costs

"""Any interleaving of three workers, one of whom may vanish at any time, keeps the books in order.

The database's clock cannot be turned, so a lease expires here by being given an expiry in the past.
"""

import tempfile
from pathlib import Path

import optuna
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from sqlalchemy import select, update

from storage.errors import LeaseLost
from storage.rows import Lease, PhaseDone, Wait
from storage.schema import LeaseTable
from storage.store import Store
from storage.urls import sqlite_url
from tests.storage.small import drawing, epoch, open_study, result

PHASES = "1-lr", "2-loss"
ALLOWED = 4
CELLS = range(6)


class Fleet(RuleBasedStateMachine):
    leases = Bundle("leases")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = sqlite_url(Path(self.folder.name, "ceteris.db"))
        # Three connections; a TTL of minutes, which all of them have "been connected for".
        self.stores = [Store.connect(self.url, ttl=600.0) for _ in range(3)]
        for store in self.stores:
            store._database._connected_since = -1e9
        self.study_id = open_study(self.stores[0], allowed=ALLOWED)
        self.stores[0].open_phase(self.study_id, PHASES[1], ALLOWED)
        self.holder: dict[int, Lease] = {}  # trial id -> who may write
        self.ended: dict[int, str] = {}  # trial id -> the state it must have
        self.claims = 0

    @rule(target=leases, worker=st.integers(0, 2), phase=st.sampled_from(PHASES))
    def claim(self, worker: int, phase: str) -> Lease | None:
        self.claims += 1
        outcome = self.stores[worker].claim(self.study_id, phase, f"w{worker}", f"n{self.claims}", drawing(CELLS))
        if not isinstance(outcome, Lease):
            assert isinstance(outcome, PhaseDone | Wait)
            return None
        before = self.holder.get(outcome.trial_id)
        assert before is None or outcome.token > before.token
        assert outcome.trial_id not in self.ended
        self.holder[outcome.trial_id] = outcome
        return outcome

    def may_write(self, lease: Lease) -> bool:
        return self.holder.get(lease.trial_id) == lease and lease.trial_id not in self.ended

    @rule(lease=leases, worker=st.integers(0, 2), number=st.integers(1, 4))
    def report(self, lease: Lease | None, worker: int, number: int) -> None:
        if lease is None:
            return
        try:
            self.stores[worker].report(lease, [epoch(number, lease.token / 10)])
            assert self.may_write(lease) and lease.trial_id in self.held()
        except LeaseLost:
            assert not self.may_write(lease) or lease.trial_id not in self.held()

    @rule(lease=consumes(leases), stop=st.sampled_from(["finished", "stalled", "pruned", "diverged", "failed"]))
    def finish(self, lease: Lease | None, stop: str) -> None:
        if lease is None:
            return
        held = lease.trial_id in self.held()
        try:
            self.stores[0].finish(lease, result(stop, 0.5))
            assert self.may_write(lease) and held
            self.ended[lease.trial_id] = {"pruned": "PRUNED", "failed": "FAIL"}.get(stop, "COMPLETE")
        except LeaseLost:
            assert not (self.may_write(lease) and held)

    @rule(lease=leases)
    def release(self, lease: Lease | None) -> None:
        if lease is None:
            return
        try:
            self.stores[1].release(lease)
            assert self.may_write(lease)
        except LeaseLost:
            assert not self.may_write(lease)

    @rule()
    def everybody_is_cut_off_for_a_while(self) -> None:
        self.stores[0]._database.write(lambda connection: connection.execute(update(LeaseTable).values(expires_at=0.0)))

    def held(self) -> set[int]:

        return set(
            self.stores[2]._database.read(
                lambda connection: connection.execute(select(LeaseTable.trial_id)).scalars().all()
            )
        )

    @invariant()
    def the_books_are_in_order(self) -> None:
        if not hasattr(self, "stores"):
            return
        store = self.stores[2]
        runs = store.runs(self.study_id)
        lost = {run.trial_id for run in runs if run.reason == "lost 5 workers without a new checkpoint"}
        self.ended |= dict.fromkeys(lost, "FAIL")
        for phase in store.phases(self.study_id):
            entered = [run for run in runs if run.phase == phase.phase]
            assert phase.used == len(entered) <= ALLOWED
            assert len({run.signature for run in entered}) == len(entered)
        assert len({(run.signature, run.trial_id) for run in runs}) == len({run.signature for run in runs})
        running = {run.trial_id for run in runs if run.state == "RUNNING"}
        assert running == self.held()
        for run in runs:
            assert (run.state in ("COMPLETE", "PRUNED", "FAIL")) == (run.trial_id in self.ended)
            if run.trial_id in self.ended:
                assert run.state == self.ended[run.trial_id]

    def teardown(self) -> None:
        if not hasattr(self, "stores"):
            return
        for phase in PHASES:  # whoever looks shows what ended elsewhere
            self.stores[0].claim(self.study_id, phase, "w0", f"last-{phase}", drawing(()))
        runs = self.stores[0].runs(self.study_id)
        for phase in PHASES:
            trials = optuna.load_study(study_name=f"lr_aug/{phase}", storage=self.url).trials
            assert [trial.number for trial in trials] == list(range(len(trials)))
            shown = {run.number: run.state for run in runs if run.phase == phase and (not run.reused or run.stop)}
            assert {trial.number: trial.state.name for trial in trials} == shown
        for store in self.stores:
            store.close()
        self.folder.cleanup()


Fleet.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
test_any_interleaving_keeps_the_books_in_order = Fleet.TestCase

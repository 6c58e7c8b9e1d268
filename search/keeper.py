"""The storage thread of a worker: while a trial trains, it alone speaks with the database.

It renews the lease, so that a long epoch never loses it, and carries what the training thread tells it: epochs, the
pointers to checkpoints, what the attempt costs. Training waits for it at a rung, a few seconds at most, and at the end.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from search.leaving import Leaving
from storage.attempts import AttemptRow
from storage.blobs import Blob
from storage.errors import LeaseLost, StorageUnreachable
from storage.rows import ELSEWHERE, CheckpointRow, EpochRow, Lease, Result, RungScore
from storage.store import Store

log = logging.getLogger("ceteris.keeper")
GIVE_BACK_SECONDS = 12.0  # the launcher kills 30 s after it asked; the keeper looks every 15
RUNG_SECONDS = 5.0  # for an answer at a rung; then training goes on and asks again after the next epoch
LEAVE_SECONDS = 15.0  # of patience with the database when a worker gives its trial back
RENEWALS_PER_REPORT = 3  # of a trial's renewals every third tells how far it is, unless a checkpoint did


@dataclass
class _Held:
    """The lease and what of its trial is still to be told. Epochs stay until a report has told everybody of them."""

    lease: Lease
    doing: str
    cost: Callable[[], AttemptRow]
    leaving: Leaving
    epochs: list[EpochRow] = field(default_factory=list)
    checkpoint: CheckpointRow | None = None  # the newest, while the database does not know of it
    sending: CheckpointRow | None = None
    unheard: list[CheckpointRow] = field(default_factory=list)  # replaced by newer ones before anybody knew of them
    rung: int | None = None
    company: list[RungScore] | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    ending: bool = False
    renewals: int = 0  # since the last report


class LeaseKeeper:
    """A daemon thread that renews every `every` seconds. What went wrong there is raised in the training thread."""

    def __init__(
        self,
        store: Store,
        worker: str,
        every: float,
        leaving: Leaving,
        heed: Callable[[], None] | None = None,
        also: Sequence[str] = (),
    ) -> None:
        """`also`: the worker's ids in the other studies that it serves."""
        self._heed = heed  # asked after every sign of life
        self._store, self._every, self._leaving = store, every, leaving
        self._workers = (worker, *also)
        self._held: _Held | None = None
        self._lost: _Held | None = None
        self._broken: Exception | None = None
        self._doing = "starting"
        self._lock = threading.Lock()  # over what is held; never while the database is asked
        self._wake = threading.Event()
        self._away_since: float | None = None
        self._due = time.monotonic() + every
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._thread.start()

    # The training thread

    def hold(self, lease: Lease, doing: str, cost: Callable[[], AttemptRow], leaving: Leaving | None = None) -> None:
        """Keep `lease` from now on; `cost` says, in any thread, what the attempt has cost so far. `leaving`: of its
        study, where that is one of several."""
        self._held = _Held(lease, doing, cost, leaving or self._leaving)
        self._due = time.monotonic() + self._every

    def let_go(self, doing: str = "waiting") -> None:
        """Stop renewing: the trial ended, was released or was lost."""
        self._held, self._doing = None, doing

    @property
    def lost(self) -> bool:
        """Whether the lease held now is another worker's, or was given back because the time to leave was short."""
        return self._held is not None and self._lost is self._held

    def check(self) -> None:
        """Raises LeaseLost, StorageUnreachable when the patience is over, or the bug that stopped the thread."""
        if self._broken is not None:
            raise self._broken
        if self.lost and self._held is not None:
            raise LeaseLost(f"{self._held.lease.phase} #{self._held.lease.number} is no longer held here")

    def tell(self, epoch: EpochRow) -> None:
        """Pass an epoch on, soon. Raises as `check`."""
        self.check()
        with self._lock:
            self._now.epochs.append(epoch)

    def publish(self, checkpoint: CheckpointRow) -> list[CheckpointRow]:
        """Pass a pointer on at once. Returns older ones that nobody was told of, the database being slow or away."""
        held = self._now
        with self._lock:
            if held.checkpoint is not None and held.checkpoint is not held.sending:
                held.unheard.append(held.checkpoint)
            held.checkpoint = checkpoint
            unheard, held.unheard = held.unheard, []
        self._wake.set()
        return unheard

    def company(self, epoch: int) -> list[RungScore] | None:
        """What the rung rule compares at `epoch`; None when the database does not answer soon: train on, ask again.

        Raises as `check`.
        """
        held = self._now
        with self._lock:
            first = held.rung != epoch
            if first:
                held.rung, held.company = epoch, None
                held.answered.clear()
        self._wake.set()
        if first and self._away_since is None:
            held.answered.wait(RUNG_SECONDS)
        self.check()
        return held.company

    def finish(self, result: Result, weights: Sequence[CheckpointRow], kept: Sequence[Blob] = ()) -> None:
        """End the trial, with everything that is still to be told of it. Waits for the database. Raises LeaseLost."""
        held = self._now
        held.ending = True
        self._store.finish(held.lease, result, held.epochs, weights, held.cost(), kept)

    def release(self, checkpoint: CheckpointRow | None = None) -> None:
        """Give the trial back with everything that is still to be told of it. Raises LeaseLost.

        When the database is away for long, others take the trial over when the lease has run out.
        """
        held = self._now
        held.ending = True
        try:
            with self._store.patient_for(LEAVE_SECONDS):
                self._store.report(held.lease, held.epochs, checkpoint or held.checkpoint, held.cost())
                self._store.release(held.lease)
        except StorageUnreachable as error:
            log.warning("%s #%d could not be given back: %s", held.lease.phase, held.lease.number, error)

    def close(self) -> None:
        self._closed.set()
        self._wake.set()
        self._thread.join(timeout=5)

    @property
    def _now(self) -> _Held:
        if self._held is None:
            raise RuntimeError("no lease is held")
        return self._held

    # The storage thread

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.is_set():
            self._wake.wait(max(0.0, self._due - time.monotonic()))
            self._wake.clear()
            held = self._held
            try:
                due = time.monotonic() >= self._due
                with self._store.patient_for(0.0):
                    self._speak(held, due)
                    if due and self._heed is not None:
                        self._heed()
                pause, self._away_since = 0.0, None
            except LeaseLost as error:
                self._lose(held, error)
            except StorageUnreachable as error:
                if self._gives_up(error):
                    return
                pause = min(max(0.2, 2 * pause), self._every / 2, 5.0)
                self._closed.wait(pause * random.uniform(0.5, 1.5))
                self._wake.set()
            except Exception as error:  # noqa: BLE001 (raised in the training thread)
                self._break(error)
                return

    def _speak(self, held: _Held | None, due: bool) -> None:
        """What there is to say, in one transaction; nothing if nothing is due."""
        if held is None or held is self._lost:
            if due:
                self._store.beat(self._workers, self._doing)
                self._due = time.monotonic() + self._every
            return
        if held.leaving.seconds >= GIVE_BACK_SECONDS and not held.ending:
            self._give_back(held)
            return
        if due and (others := [worker for worker in self._workers if worker != held.lease.worker]):
            self._store.beat(others, f"{ELSEWHERE} {held.lease.optuna_study} #{held.lease.number}")
        with self._lock:
            epochs, rung = list(held.epochs), held.rung
        if rung is not None and held.company is None and not held.ending:
            company = self._store.at_rung(held.lease, epochs, rung)
            if held.rung == rung:
                held.company = company
                held.answered.set()
        held.renewals += due
        if not held.ending and (held.checkpoint is not None or (due and held.renewals >= RENEWALS_PER_REPORT)):
            self._report(held)
        elif due:
            self._store.renew(held.lease)
            self._due = time.monotonic() + self._every

    def _report(self, held: _Held) -> None:
        with self._lock:
            epochs, held.sending = list(held.epochs), held.checkpoint
        told = False
        try:
            self._store.report(held.lease, epochs, held.sending, held.cost(), held.doing)
            told = True
        finally:
            with self._lock:
                if told:
                    del held.epochs[: len(epochs)]
                if held.checkpoint is held.sending:
                    held.checkpoint = None if told else held.checkpoint
                elif not told and held.sending is not None:
                    held.unheard.append(held.sending)
                held.sending = None
        held.renewals = 0
        self._due = time.monotonic() + self._every

    def _lose(self, held: _Held | None, error: LeaseLost) -> None:
        self._lost = held
        self._due = time.monotonic() + self._every
        if held is not None:
            held.answered.set()
            if held is self._held and not held.ending:
                log.warning("%s", error)

    def _give_back(self, held: _Held) -> None:
        """From its last checkpoint: an epoch outlasts the grace to leave in."""
        lease = held.lease
        log.warning("%s #%d is given back in the middle of an epoch: no time to end it", lease.phase, lease.number)
        self._store.report(lease, held.epochs, held.checkpoint, held.cost())
        self._lost = held
        self._store.release(lease)

    def _gives_up(self, error: StorageUnreachable) -> bool:
        """Whether the database has been away for longer than the patience."""
        self._away_since = self._away_since or time.monotonic()
        if time.monotonic() - self._away_since < self._store.patience:
            return False
        self._break(error)
        return True

    def _break(self, error: Exception) -> None:
        self._broken = error
        if self._held is not None:
            self._held.answered.set()

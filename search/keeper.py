"""Keeps a worker's lease alive from a thread of its own, so that a long epoch never loses it."""

import logging
import threading
import time
from collections.abc import Callable

from search.leaving import Leaving
from storage.errors import LeaseLost, StorageError
from storage.rows import Lease
from storage.store import Store

log = logging.getLogger("ceteris.keeper")
GIVE_BACK_SECONDS = 12.0  # the launcher kills 30 s after it asked; the keeper looks every 10


class LeaseKeeper:
    """Renews the lease it holds and the worker's own sign of life every `every` seconds, as a daemon thread."""

    def __init__(
        self, store: Store, worker: str, every: float, leaving: Leaving, heed: Callable[[], None] | None = None
    ) -> None:
        self._heed = heed  # asked after every sign of life
        self._store, self._worker, self._every, self._leaving = store, worker, every, leaving
        self._lease: Lease | None = None
        self._lost: Lease | None = None
        self._doing = "starting"
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
        self._thread.start()

    def hold(self, lease: Lease, doing: str) -> None:
        """Keep `lease` from now on."""
        self._lease, self._doing = lease, doing

    def let_go(self, doing: str = "waiting") -> None:
        """Stop renewing: the trial ended, was released or was lost."""
        self._lease, self._doing = None, doing

    @property
    def lost(self) -> bool:
        """Whether the lease held now is another worker's, or was given back because the time to leave was short."""
        return self._lease is not None and self._lost is self._lease

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._every)
            lease, doing = self._lease, self._doing
            try:
                if lease is not None and lease is not self._lost:
                    self._renew(lease)
                self._store.beat(self._worker, doing)
                if self._heed is not None:
                    self._heed()
            except LeaseLost as error:
                self._lost = lease
                if lease is self._lease:
                    log.warning("%s", error)
            except StorageError as error:
                log.warning("could not renew: %s", error)
                time.sleep(1.0)

    def _renew(self, lease: Lease) -> None:
        """Renew; but give the trial back, from its last checkpoint, when an epoch outlasts the grace to leave in."""
        if self._leaving.seconds < GIVE_BACK_SECONDS:
            self._store.renew(lease)
            return
        log.warning("%s #%d is given back in the middle of an epoch: no time to end it", lease.phase, lease.number)
        self._lost = lease
        self._store.release(lease)

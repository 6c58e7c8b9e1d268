"""Keeps a worker's lease alive from a thread of its own, so that a long epoch never loses it."""

import logging
import threading
import time

from storage.errors import LeaseLost, StorageError
from storage.rows import Lease
from storage.store import Store

log = logging.getLogger("ceteris.keeper")


class LeaseKeeper:
    """Renews the lease it holds and the worker's own sign of life every `every` seconds, as a daemon thread."""

    def __init__(self, store: Store, worker: str, every: float) -> None:
        self._store, self._worker, self._every = store, worker, every
        self._lease: Lease | None = None
        self._doing = "starting"
        self._lost = threading.Event()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
        self._thread.start()

    def hold(self, lease: Lease, doing: str) -> None:
        """Keep `lease` from now on."""
        self._lost.clear()
        self._lease, self._doing = lease, doing

    def let_go(self, doing: str = "waiting") -> None:
        """Stop renewing: the trial ended, was released or was lost."""
        self._lease, self._doing = None, doing
        self._lost.clear()

    @property
    def lost(self) -> bool:
        """Whether another worker has taken the lease over (or the study was deleted)."""
        return self._lost.is_set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._every)
            lease, doing = self._lease, self._doing
            try:
                if lease is not None:
                    self._store.renew(lease)
                self._store.beat(self._worker, doing)
            except LeaseLost:
                if lease is self._lease:
                    log.warning(
                        "lost the lease of %s #%d", lease.phase if lease else "?", lease.number if lease else -1
                    )
                    self._lost.set()
            except StorageError as error:
                log.warning("could not renew: %s", error)
                time.sleep(1.0)

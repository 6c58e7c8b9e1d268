"""The store: one worker's view of the shared database. Each method is one transaction, whose body lies elsewhere.
What it is given is checked first (NameInvalid, ValueInvalid): the same is refused on every backend.

Every call but the first waits for a database that is away, up to `patience` seconds, and then raises
StorageUnreachable. Safe for two threads; no transaction is open between calls.
"""

from storage import creation, reading
from storage.blob_calls import BlobCalls
from storage.claim import Draw
from storage.database import Database
from storage.engine import prepare_sqlite_file
from storage.fleet_calls import FleetCalls
from storage.holder_calls import HolderCalls
from storage.phase_calls import PhaseCalls
from storage.rows import Proposal
from storage.study_calls import StudyCalls
from storage.urls import parse_url

__all__ = ["Draw", "Proposal", "Store"]

LEASE_SECONDS = 30.0  # TTL; the holder renews every half of it
PATIENCE_SECONDS = 3600.0


class Store(StudyCalls, PhaseCalls, HolderCalls, BlobCalls, FleetCalls):
    """Made by `Store.connect`."""

    @classmethod
    def connect(
        cls, url: str, *, wait: float = 0.0, patience: float = PATIENCE_SECONDS, ttl: float = LEASE_SECONDS
    ) -> "Store":
        """Connect and create missing tables.

        Fails within 10 seconds when the database does not answer, or after `wait` seconds. Raises StorageUnreachable,
        StorageRefused, SchemaTooNew, each with one line.
        """
        parsed = parse_url(url)
        if parsed.get_backend_name() == "sqlite":
            prepare_sqlite_file(parsed)
        database = Database(parsed, patience=patience, ttl=ttl)
        try:
            creation.first_contact(database, wait)
            creation.ensure_tables(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @classmethod
    def read_only(cls, url: str) -> "Store":
        """Connect to look only: nothing is created or changed, and whatever writes fails.

        Raises StorageUnreachable, StorageRefused (no study was ever started there), SchemaTooNew, each with one line.
        """
        return cls(reading.open_database(parse_url(url), patience=0.0, ttl=LEASE_SECONDS))

"""What every part of the store stands on: one worker's connection to the shared database."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage import fleet
from storage.database import Database
from storage.history import History


class Connected:
    """Messages and `repr` show the URL without its password."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopped: dict[int, bool] = {}  # study -> whether it was, as it was seen last
        self._histories: dict[tuple[int, str | None], History] = {}

    def __repr__(self) -> str:
        return f"Store({self.url_without_secret!r})"

    @property
    def url_without_secret(self) -> str:
        """The storage URL as it may be printed."""
        return self._database.shown

    @property
    def one_host(self) -> bool:
        """Whether all workers are on one host (SQLite), and so have one file system."""
        return self._database.is_sqlite

    @property
    def ttl(self) -> float:
        """Seconds for which a lease holds without a renewal."""
        return self._database.ttl

    @property
    def patience(self) -> float:
        """Seconds for which a call waits for a database that is away."""
        return self._database.patience

    def now(self) -> float:
        """Seconds since 1970 on the database's clock."""
        return self._database.read(fleet.now)

    def close(self) -> None:
        """Give the connection back. Calls that wait for the database in another thread raise StorageUnreachable."""
        self._database.close()

    @contextmanager
    def patient_for(self, seconds: float) -> Iterator[None]:
        """Inside, calls of this thread raise StorageUnreachable after `seconds` of outage; 0 means one try."""
        with self._database.patient_for(seconds):
            yield

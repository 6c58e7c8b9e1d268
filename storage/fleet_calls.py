"""The store's calls for workers, and for who opens the test labels."""

import uuid
from collections.abc import Mapping, Sequence

from storage import fleet, values
from storage.connected import Connected
from storage.names import check_key
from storage.rows import TestOpening, WorkerRow


class FleetCalls(Connected):
    def register_worker(
        self, study_id: int, worker_id: str, host: str, pid: int, device: str, versions: Mapping[str, str]
    ) -> None:
        """Write this worker down as present."""
        check_key(worker_id)
        values.check_step(pid, "process id")
        values.check_json(dict(versions), "versions")
        self._database.write(
            lambda connection: fleet.register(connection, study_id, worker_id, host, pid, device, versions)
        )

    def beat(self, worker_ids: Sequence[str], doing: str) -> None:
        """Say that this worker is alive, and what it does, in every study that it serves under one of these ids."""
        self._stopped |= self._database.write(lambda connection: fleet.beat(connection, worker_ids, doing))

    def leave(self, worker_id: str) -> None:
        """Say goodbye."""
        self._database.write(lambda connection: fleet.leave(connection, worker_id))

    def workers(self, study_id: int) -> list[WorkerRow]:
        """All workers that ever registered for a study."""
        return self._database.read(lambda connection: fleet.workers(connection, study_id, self.ttl))

    def record_test_opening(self, study_id: int, who: str, why: str) -> None:
        """Record that the test labels are opened, before they are."""
        nonce = uuid.uuid4().hex
        self._database.write(lambda connection: fleet.record_test_opening(connection, study_id, nonce, who, why))

    def test_openings(self, study_id: int) -> list[TestOpening]:
        """Every opening of the test labels, oldest first."""
        return self._database.read(lambda connection: fleet.test_openings(connection, study_id))

"""The store's calls for studies, and for what a fleet agrees on."""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import adoption, agreed, halt, studies, values
from storage.connected import Connected
from storage.halt import Halt, How
from storage.names import check_key, check_study_name
from storage.rows import JSON, Manifest, StudySummary, Verdict
from storage.transfer import Copied, copy_study

TRANSFER_SECONDS = 3600.0


class StudyCalls(Connected):
    def create(self, name: str, manifest: Manifest) -> Manifest:
        """Write the manifest unless the study has one; returns the stored one, for the caller to compare."""
        check_study_name(name)
        values.check_manifest(manifest)
        return self._database.write(lambda connection: studies.create(connection, name, manifest))

    def manifest(self, name: str) -> Manifest | None:
        """The stored manifest, or None."""
        return self._database.read(lambda connection: studies.find(connection, name))

    def check(self, study_id: int) -> None:
        """Raises StudyMissing unless the study is there."""
        self._database.write(lambda connection: studies.check_exists(connection, study_id))

    def studies(self) -> list[StudySummary]:
        """All studies, oldest first."""
        return self._database.read(studies.summaries)

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete a study, ours and Optuna's rows. Raises StudyMissing, StudyBusy (a live lease, unless `force`)."""
        self._database.write(lambda connection: studies.remove(connection, name, force))

    def transfer(self, name: str, target: "Connected") -> Copied:
        """Copy a study into another database, in one transaction there, while nobody can work on it here.

        Raises StudyMissing, StudyBusy (somebody is at work), StudyExists.
        """

        for database in (self._database, target._database):
            database.deadline.seconds = TRANSFER_SECONDS

        def copy(source: Connection) -> Copied:
            return target._database.write_once(lambda connection: copy_study(source, connection, name))

        return self._database.write(copy)

    def stop(self, study_id: int, how: How, by: str) -> None:
        """Stop a study on every server, until `resume`. Raises StudyMissing."""
        self._database.write(lambda connection: halt.stop(connection, study_id, how, by))

    def resume(self, study_id: int) -> None:
        """Let a stopped study go on."""
        self._database.write(lambda connection: halt.resume(connection, study_id))

    def stopped(self, study_id: int) -> bool:
        """Whether the study was stopped, as the latest claim, report or renewal has seen it: nothing is asked."""
        return self._stopped.get(study_id, False)

    def halt(self, study_id: int) -> Halt | None:
        """Who stopped the study, how and when; None while it may go on."""
        return self._database.read(lambda connection: halt.halt(connection, study_id))

    # What the fleet agrees on

    def adopt(self, source_id: int, target_id: int, but: Sequence[str] = ()) -> int:
        """Copy every finished run of a study into another one that has not run it; how many. Raises StudyMissing."""
        return self._database.write(lambda connection: adoption.adopt(connection, source_id, target_id, but))

    def measure_once(self, study_id: int, key: str, value: JSON, worker: str) -> JSON:
        """Store a measurement unless there is one; the stored one. Raises StudyMissing."""
        check_key(key)
        values.check_json(value, f"measurement {key}", values.MAX_TEXT)
        values.check_text(worker, "worker")
        return self._database.write(lambda connection: agreed.measure_once(connection, study_id, key, value, worker))

    def measurement(self, study_id: int, key: str) -> JSON:
        """The stored measurement, or None."""
        return self._database.read(lambda connection: agreed.measurement(connection, study_id, key))

    def decide_once(self, study_id: int, stage: str, verdict: Verdict) -> Verdict:
        """Store the verdict of a stage unless there is one; the stored one. Raises StudyMissing."""
        check_key(stage)
        values.check_verdict(verdict)
        return self._database.write(lambda connection: agreed.decide_once(connection, study_id, stage, verdict))

    def verdicts(self, study_id: int) -> list[Verdict]:
        """The verdicts of a study in the order of their making."""
        return self._database.read(lambda connection: agreed.verdicts(connection, study_id))

"""The store: one worker's view of the shared database. Each method is one transaction, whose body lies elsewhere.
What it is given is checked first (NameInvalid, ValueInvalid): the same is refused on every backend.

Every call but the first waits for a database that is away, up to `patience` seconds, and then raises
StorageUnreachable. Safe for two threads; no transaction is open between calls.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection

from storage import (
    adoption,
    agreed,
    aside,
    attempts,
    blobs,
    cells,
    claim,
    creation,
    fenced,
    fleet,
    halt,
    reading,
    runs,
    studies,
    values,
)
from storage.attempts import AttemptRow
from storage.blobs import CHUNK_BYTES, Blob, BlobKind, BlobRow
from storage.claim import Draw
from storage.database import Database
from storage.engine import prepare_sqlite_file
from storage.errors import BlobDamaged
from storage.grant import Asked
from storage.halt import Halt, How
from storage.history import History
from storage.names import check_key, check_phase, check_study_name
from storage.rows import (
    JSON,
    CellKey,
    CheckpointRow,
    EpochRow,
    Lease,
    Manifest,
    PhaseDone,
    PhaseState,
    Proposal,
    Result,
    RungScore,
    RunRow,
    StudySummary,
    TestOpening,
    Verdict,
    Wait,
    WorkerRow,
)
from storage.transfer import Copied, copy_study
from storage.urls import parse_url

__all__ = ["Draw", "Proposal", "Store"]

LEASE_SECONDS = 30.0  # TTL; the holder renews every third of it
PATIENCE_SECONDS = 3600.0
TRANSFER_SECONDS = 3600.0


class Store:
    """Made by `Store.connect`. Messages and `repr` show the URL without its password."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.stopped = False
        """Whether the study was stopped, as the latest claim, report or renewal has seen it."""
        self._histories: dict[tuple[int, str | None], History] = {}

    def __repr__(self) -> str:
        return f"Store({self.url_without_secret!r})"

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

    # Studies

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

    def transfer(self, name: str, target: "Store") -> Copied:
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

    # Phases and their runs

    def open_phase(self, study_id: int, phase: str, allowed: int) -> None:
        """Create the Optuna study (maximised) and the budget unless they exist: the first `allowed` holds."""
        check_phase(phase)
        values.check_step(allowed, "runs allowed")
        self._database.write(lambda connection: studies.open_phase(connection, study_id, phase, allowed))

    def reopen(self, study_id: int, reason: str) -> None:
        """Let phases that were closed for this reason start runs again."""
        self._database.write(lambda connection: studies.reopen(connection, study_id, reason))

    def set_aside(self, study_id: int, phase: str, name: str, along: Mapping[str, str] | None = None) -> bool:
        """Rename a phase, so that one can be opened anew under its name; once only. Whether it was renamed."""
        return self._database.write(lambda connection: aside.set_aside(connection, study_id, phase, name, along))

    def close_phase(self, study_id: int, phase: str, reason: str) -> str:
        """Start no new run in a phase from now on (running ones finish); the reason of the first caller."""
        check_phase(phase)
        return self._database.write(lambda connection: studies.close_phase(connection, study_id, phase, reason))

    def keep_note(self, study_id: int, phase: str, body: str) -> bool:
        """Show `body` (Markdown) as the note of a phase in Optuna's dashboard; whether anything was written.

        Nothing is where it stands already, or where a person has written a note of their own. Raises StudyMissing.
        """
        return self._database.write(lambda connection: studies.keep_note(connection, study_id, phase, body))

    def phases(self, study_id: int) -> list[PhaseState]:
        """The phases opened so far, by name."""
        return self._database.read(lambda connection: studies.phases(connection, study_id))

    def claim(self, study_id: int, phase: str, worker: str, nonce: str, draw: Draw) -> Lease | Wait | PhaseDone:
        """The next run for this worker: one it won already (nonce), an orphan, one that waits, or a new one.

        `draw` is called outside of any transaction with the cells entered in this phase, perhaps several times, and
        returns a proposal not among them, or None when the domain is exhausted. Raises StudyMissing.
        """
        check_phase(phase)
        check_key(worker)
        check_key(nonce)

        def checked(taken: frozenset[CellKey]) -> Proposal | None:
            if (proposal := draw(taken)) is not None:
                values.check_proposal(proposal)
            return proposal

        database = self._database
        asked = Asked(study_id, phase, worker, nonce, database.ttl, database.connected_for)
        history = self._history(study_id, phase)
        got = claim.claim(database, history, asked, checked)
        self.stopped = history.stopped
        return got

    def renew(self, lease: Lease) -> None:
        """Hold the lease for another TTL. Raises LeaseLost."""
        self.stopped = self._database.write(lambda connection: fenced.renew(connection, lease, self.ttl))

    def at_rung(self, lease: Lease, epochs: Sequence[EpochRow], epoch: int) -> list[RungScore]:
        """Write epochs and read what the rung rule compares at `epoch`, this run perhaps among it. Raises LeaseLost."""
        values.check_epochs(epochs)
        values.check_step(epoch)
        return self._database.write(lambda connection: fenced.at_rung(connection, lease, epochs, epoch))

    def holds(self, lease: Lease) -> bool:
        """Whether nobody else has the lease at this moment: to be asked right before what cannot be taken back."""
        return self._database.read(lambda connection: fenced.holds(connection, lease))

    def report(
        self,
        lease: Lease,
        epochs: Sequence[EpochRow],
        checkpoint: CheckpointRow | None = None,
        attempt: AttemptRow | None = None,
        doing: str | None = None,
    ) -> None:
        """Buffered epochs, a checkpoint's pointer, what the attempt cost so far and a renewal, in one transaction.

        With `doing`, what its worker does. Raises LeaseLost.
        """
        kept = () if checkpoint is None else (checkpoint,)
        values.check_epochs(epochs)
        values.check_checkpoints(kept)
        values.check_attempt(attempt)
        self.stopped = self._database.write(
            lambda connection: fenced.report(connection, lease, self.ttl, epochs, kept, attempt, doing)
        )

    def finish(
        self,
        lease: Lease,
        result: Result,
        epochs: Sequence[EpochRow] = (),
        checkpoints: Sequence[CheckpointRow] = (),
        attempt: AttemptRow | None = None,
        kept: Sequence[Blob] = (),
    ) -> None:
        """End the run, its attempt and the lease, and publish the blobs `kept` with it, those put before included.

        Blobs of one chunk are written in this transaction, larger ones ahead of it. Repeatable with the same lease.
        Raises LeaseLost.
        """
        values.check_result(result)
        values.check_epochs(epochs)
        values.check_checkpoints(checkpoints)
        values.check_attempt(attempt)
        small = [blob for blob in kept if len(blob.payload) <= CHUNK_BYTES]
        for blob in kept:
            if len(blob.payload) > CHUNK_BYTES:
                self.put_blob(lease, blob)
        self._database.write(
            lambda connection: fenced.finish(connection, lease, result, epochs, checkpoints, attempt, small)
        )

    def put_blob(self, lease: Lease, blob: Blob) -> None:
        """Write a blob, a transaction for each chunk; it is seen once the run has ended well. Raises LeaseLost."""
        for piece in blobs.pieces(blob):
            self._database.write(partial(fenced.put, lease=lease, ttl=self.ttl, piece=piece))

    def blob(self, trial_id: int, kind: BlobKind) -> bytes | None:
        """The bytes kept with a run, verified, or None. Raises BlobDamaged."""
        row = self._database.read(lambda connection: blobs.found(connection, trial_id, kind))
        if row is None:
            return None
        chunks = [self._database.read(partial(blobs.chunk_of, row=row, chunk=n)) for n in range(row.chunks)]
        payload = b"".join(chunk for chunk in chunks if chunk is not None)
        if None in chunks:  # dropped meanwhile
            return None
        if not blobs.is_whole(row, payload):
            raise BlobDamaged(f"the {kind} blob of trial {trial_id} is damaged: other bytes than were written")
        return payload

    def blobs(self, study_id: int) -> list[BlobRow]:
        """Every blob of a study: what there is, and how large."""
        return self._database.read(lambda connection: blobs.of_study(connection, study_id))

    def drop_blobs(self, trial_ids: Sequence[int], kind: BlobKind) -> None:
        """Delete one kind of blob of these runs; none that has it is no error."""
        self._database.write(lambda connection: blobs.drop(connection, trial_ids, kind))

    def release(self, lease: Lease) -> None:
        """Leave a run unfinished: it keeps its number and is claimable at once. Repeatable. Raises LeaseLost."""
        self._database.write(lambda connection: fenced.release(connection, lease))

    def runs(self, study_id: int, phase: str | None = None) -> list[RunRow]:
        """The runs of a phase, or of all phases, in the order of entering. What has ended is read once."""
        return self._database.read(self._history(study_id, phase).read)

    def seen_runs(self, study_id: int, phase: str) -> list[RunRow]:
        """The runs of a phase as `runs` or `claim` read them last, at no cost."""
        return self._history(study_id, phase).rows

    def _history(self, study_id: int, phase: str | None) -> History:
        return self._histories.setdefault((study_id, phase), History(study_id, phase))

    def rung_scores(self, study_id: int, phase: str, epoch: int) -> list[RungScore]:
        """What the rung rule compares at `epoch`: see `storage.runs.rung_scores`."""
        return self._database.read(lambda connection: runs.rung_scores(connection, study_id, phase, epoch))

    def curves(self, study_id: int, phase: str) -> dict[int, list[EpochRow]]:
        """Number of the run in this phase -> its epochs."""
        return self._database.read(lambda connection: runs.curves(connection, study_id, phase))

    def epochs(self, trial_id: int, token: int | None = None) -> list[EpochRow]:
        """The epochs of one trial; with `token` no further than that attempt has told: see `storage.runs.epochs`."""
        return self._database.read(lambda connection: runs.epochs(connection, trial_id, token))

    def checkpoints(self, trial_id: int) -> list[CheckpointRow]:
        """The checkpoint pointers of a trial, newest first."""
        return self._database.read(lambda connection: cells.checkpoints_of(connection, trial_id))

    def attempts(self, study_id: int) -> list[AttemptRow]:
        """What every worker's every try at a trial of the study has cost, oldest first."""
        return self._database.read(lambda connection: attempts.attempts(connection, study_id))

    # Workers, test labels

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

    def beat(self, worker_id: str, doing: str) -> None:
        """Say that this worker is alive, and what it does."""
        self.stopped = self._database.write(lambda connection: fleet.beat(connection, worker_id, doing))

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

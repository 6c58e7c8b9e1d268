"""The store's calls for phases: opening and closing them, claiming a run of one, and reading what has run."""

from collections.abc import Mapping

from storage import aside, attempts, cells, claim, runs, studies, values
from storage.attempts import AttemptRow
from storage.claim import Draw
from storage.connected import Connected
from storage.grant import Asked
from storage.history import History
from storage.names import check_key, check_phase
from storage.rows import (
    CellKey,
    CheckpointRow,
    EpochRow,
    Lease,
    PhaseDone,
    PhaseState,
    Proposal,
    RungScore,
    RunRow,
    Wait,
)


class PhaseCalls(Connected):
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
        self._stopped[study_id] = history.stopped
        return got

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

"""What a leaderboard said of what was sent in: rows that are only ever added, beside what validation and test said."""

import getpass
import math
import uuid

from pydantic import BaseModel, ConfigDict

from search.edge import UserError
from search.records import as_json
from search.study import Study
from storage.names import clean_text

LONGEST_NOTE = 500


class Submission(BaseModel):
    """`score` is the leaderboard's. `validation` and `test` are those of what was sent in, None where unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    number: int
    sent: str
    """`confirm#1`, or `ensemble top5`."""
    score: float
    validation: float | None
    test: float | None
    note: str = ""
    by: str = ""
    at: float = 0.0
    """Seconds since 1970 on the clock of the database."""
    nonce: str = ""


def record(
    study: Study, sent: str, score: float, validation: float | None, test: float | None, note: str = ""
) -> Submission:
    """Add one under the next free number, whoever else does at the same moment. Raises `UserError`."""
    if not math.isfinite(score):
        raise UserError(f"--score {score} is no score; give the number that the leaderboard shows, such as 0.7312")
    nonce, at = uuid.uuid4().hex, study.store.now()
    number = len(read(study))
    while True:
        number += 1
        mine = Submission(
            number=number,
            sent=clean_text(sent),
            score=score,
            validation=validation,
            test=test,
            note=clean_text(" ".join(note.split()))[:LONGEST_NOTE],
            by=_user(),
            at=at,
            nonce=nonce,
        )
        stored = study.store.measure_once(study.study_id, _key(number), as_json(mine), mine.by)
        if Submission.model_validate(stored).nonce == nonce:
            return mine


def read(study: Study) -> list[Submission]:
    """All submissions of a study, in the order of their numbers."""
    found: list[Submission] = []
    while (row := study.store.measurement(study.study_id, _key(len(found) + 1))) is not None:
        found.append(Submission.model_validate(row))
    return found


def rows_of(submissions: list[Submission]) -> list[tuple[str, ...]]:
    """A table: what was sent in, and what validation, test and leaderboard said of it."""
    header = ("submission", "sent in", "validation", "test", "leaderboard", "note")
    return [
        header,
        *((str(s.number), s.sent, _shown(s.validation), _shown(s.test), f"{s.score:g}", s.note) for s in submissions),
    ]


def _key(number: int) -> str:
    return f"submission/{number}"


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.4f}"


def _user() -> str:
    try:
        return clean_text(getpass.getuser())
    except (OSError, KeyError):
        return "unknown"

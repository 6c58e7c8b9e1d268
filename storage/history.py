"""The runs of a study as they were last read: what has ended is read once, only new and unfinished runs again.

A worker that joins a study of ten thousand runs reads them all at its first look, and a handful at every later one. Of
what others are training at this moment it need not read anything to claim its next run.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, case, false, func, or_, select, true, type_coerce

from storage.bound import among
from storage.rows import UNFINISHED, CellKey, RunRow
from storage.schema import BudgetTable, CellTable, EntryTable, EpochTable, ManifestTable

_reached = select(func.coalesce(func.max(EpochTable.epoch), 0)).where(EpochTable.trial_id == CellTable.trial_id)
# An entry's own number comes with its copy; until then the run is shown under the number of its home.
_SPECIAL = {
    "entry_id": EntryTable.entry_id,
    "phase": EntryTable.phase,
    "role": EntryTable.role,
    "label": EntryTable.label,
    "params": type_coerce(EntryTable.params, Text),
    "number": func.coalesce(EntryTable.number, CellTable.number),
    "epochs": case(
        (CellTable.state.in_(UNFINISHED), _reached.correlate(CellTable).scalar_subquery()), else_=CellTable.epochs
    ),
    "attempt": CellTable.lost + 1,
    "shown_trial": func.coalesce(EntryTable.trial_id, case((CellTable.home == EntryTable.phase, CellTable.trial_id))),
    "reused": CellTable.home != EntryTable.phase,
}
_FIELDS = tuple(RunRow.__dataclass_fields__)
_PARAMS = _FIELDS.index("params")
COLUMNS = (
    *((_SPECIAL[name] if name in _SPECIAL else getattr(CellTable, name)).label(name) for name in _FIELDS),
    EntryTable.number.label("own_number"),
)


class History:
    """The runs of one phase of a study, or of all its phases. Used under the lock of the database."""

    def __init__(self, study_id: int, phase: str | None) -> None:
        self._here = EntryTable.study_id == study_id
        if phase is not None:
            self._here = and_(self._here, EntryTable.phase == phase)
        self._study_id = study_id
        self.stopped = False  # whether the study was, when it was last looked at
        self.checked: Any = None  # the distributions that were last compared with the first trial's
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[int, RunRow] = {}
        self._open: set[int] = set()  # entries that may still change
        self._unfinished: set[int] = set()  # entries
        self._last: dict[str, int] = {}  # phase -> the newest entry read
        self._cells: set[CellKey] = set()
        self._taken: frozenset[CellKey] = frozenset()
        self._phases: set[str] = set()  # of the whole study

    @property
    def rows(self) -> list[RunRow]:
        """In the order of entering."""
        return [self._rows[entry_id] for entry_id in sorted(self._rows)]

    @property
    def entered(self) -> int:
        """How many entries there are."""
        return len(self._rows)

    @property
    def taken(self) -> frozenset[CellKey]:
        """The cells that are entered."""
        if len(self._taken) != len(self._rows):
            self._taken = frozenset(self._cells)
        return self._taken

    @property
    def unfinished(self) -> int:
        """How many runs were unfinished when they were last read."""
        return len(self._unfinished)

    def news(self, of_open: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
        """The condition on the entries that are to be read: new ones, and those of unfinished runs.

        `of_open`: which of the runs that were unfinished before. Entries of one phase are committed in the order of
        their ids, for all are made under the lock of its budget.
        """
        newer = (
            and_(EntryTable.phase == phase, EntryTable.entry_id > self._last.get(phase, 0)) for phase in self._phases
        )
        new = or_(false(), *newer) if self._phases else true()
        # Of entries alone, for which there are indexes; and then of what belongs to them.
        of_entry = or_(new, among(EntryTable.entry_id, self._open))
        return and_(self._here, of_entry, true() if of_open is None else or_(new, of_open))

    def note(self, told: Sequence[Any]) -> RunRow:
        """Take in the values of COLUMNS, read under `news`."""
        entry_id, *_, own_number = told
        before = self._rows.get(entry_id)
        fields = list(told[:-1])
        fields[_PARAMS] = json.loads(told[_PARAMS]) if before is None else before.params
        run = self._rows[entry_id] = RunRow(*fields)
        if before is None:
            self._cells.add(CellKey(run.signature, run.replicate))
            self._last[run.phase] = max(entry_id, self._last.get(run.phase, 0))
        _keep(self._unfinished, entry_id, run.state in UNFINISHED)
        _keep(self._open, entry_id, run.state in UNFINISHED or own_number is None)
        return run

    def phases(self) -> ColumnElement[str]:
        """To be read with `news`, for `stale`."""
        names = select(func.aggregate_strings(BudgetTable.phase, ",")).where(BudgetTable.study_id == self._study_id)
        return func.coalesce(names.scalar_subquery(), "")

    def stale(self, phases: str) -> bool:
        """Whether what is known holds no more and was forgotten: a phase was set aside, perhaps. Then read again.

        To be asked before what `news` found is noted. Phases are opened and set aside a few times in a study's life.
        """
        before, now = self._phases, set(phases.split(","))
        if before == now:
            return False
        self._forget()
        self._phases = now
        return bool(before)  # else everything was read

    def read(self, connection: Connection) -> list[RunRow]:
        """All rows, those that may have changed read anew; none when the study was deleted."""
        entries = EntryTable.__table__.join(CellTable.__table__, CellTable.cell_id == EntryTable.cell_id)
        found = (
            select(ManifestTable.study_id.label("there"), self.phases().label("phases"), *COLUMNS)
            .select_from(ManifestTable.__table__.outerjoin(entries, self.news()))
            .where(ManifestTable.study_id == self._study_id)
        )
        told = connection.execute(found).all()
        if not told:
            self._forget()
            return []
        if self.stale(told[0].phases):
            return self.read(connection)
        for row in told:
            if row.entry_id is not None:
                self.note(row[-len(COLUMNS) :])
        return self.rows


def _keep(kept: set[int], number: int, wanted: bool) -> None:
    (kept.add if wanted else kept.discard)(number)

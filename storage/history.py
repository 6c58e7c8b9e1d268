"""The runs of a study as they were last read: what has ended is read once, only new and unfinished runs again.

A worker that joins a study of ten thousand runs reads them all at its first look, and a handful at every later one.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select

from storage.rows import UNFINISHED, CellKey, RunRow
from storage.schema import BudgetTable, CellTable, EntryTable, EpochTable, ManifestTable

_reached = select(func.coalesce(func.max(EpochTable.epoch), 0)).where(EpochTable.trial_id == CellTable.trial_id)
# An entry's own number comes with its copy; until then the run is shown under the number of its home.
_SPECIAL = {
    "entry_id": EntryTable.entry_id,
    "phase": EntryTable.phase,
    "role": EntryTable.role,
    "label": EntryTable.label,
    "params": EntryTable.params,
    "number": func.coalesce(EntryTable.number, CellTable.number),
    "epochs": case(
        (CellTable.state.in_(UNFINISHED), _reached.correlate(CellTable).scalar_subquery()), else_=CellTable.epochs
    ),
    "attempt": CellTable.lost + 1,
    "shown_trial": func.coalesce(EntryTable.trial_id, case((CellTable.home == EntryTable.phase, CellTable.trial_id))),
    "reused": CellTable.home != EntryTable.phase,
}
_FIELDS = tuple(RunRow.__dataclass_fields__)
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
        self._open: set[int] = set()  # cells that may still change
        self._last: dict[str, int] = {}  # phase -> the newest entry read
        self._cells: set[CellKey] = set()
        self._taken: frozenset[CellKey] = frozenset()
        self._phases: set[str] = set()  # of the whole study

    @property
    def rows(self) -> list[RunRow]:
        """In the order of entering."""
        return [self._rows[entry_id] for entry_id in sorted(self._rows)]

    @property
    def taken(self) -> frozenset[CellKey]:
        """The cells that are entered."""
        if len(self._taken) != len(self._rows):
            self._taken = frozenset(self._cells)
        return self._taken

    def news(self) -> ColumnElement[bool]:
        """The condition on the entries that are to be read: new ones, and those of unfinished runs.

        Entries of one phase are committed in the order of their ids, for all are made under the lock of its budget.
        """
        newer = [and_(EntryTable.phase == phase, EntryTable.entry_id > last) for phase, last in self._last.items()]
        return and_(
            self._here,
            or_(EntryTable.phase.not_in(list(self._last)), EntryTable.cell_id.in_(self._open), *newer),
        )

    def note(self, row: RowMapping) -> RunRow:
        """Take in a row of COLUMNS, read under `news`."""
        run = RunRow(**{name: row[name] for name in _FIELDS})
        self._rows[run.entry_id] = run
        self._cells.add(CellKey(run.signature, run.replicate))
        self._last[run.phase] = max(run.entry_id, self._last.get(run.phase, 0))
        if run.state in UNFINISHED or row["own_number"] is None:
            self._open.add(run.cell_id)
        return run

    def phases(self) -> ColumnElement[str]:
        """To be read with `news`, for `stale`."""
        names = select(func.aggregate_strings(BudgetTable.phase, ",")).where(BudgetTable.study_id == self._study_id)
        return func.coalesce(names.scalar_subquery(), "")

    def stale(self, phases: str) -> bool:
        """Whether what is known holds no more and was forgotten: a phase was set aside, perhaps. Then read again.

        To be asked before what `news` found is noted. Phases are opened and set aside a few times in a study's life.
        """
        self._open = set()  # whatever is still open is among the news
        before, now = self._phases, set(phases.split(","))
        if before == now:
            return False
        known = bool(self._rows)
        self._forget()
        self._phases = now
        return known

    def read(self, connection: Connection) -> list[RunRow]:
        """All rows, those that may have changed read anew; none when the study was deleted."""
        entries = EntryTable.__table__.join(CellTable.__table__, CellTable.cell_id == EntryTable.cell_id)
        found = (
            select(ManifestTable.study_id.label("there"), self.phases().label("phases"), *COLUMNS)
            .select_from(ManifestTable.__table__.outerjoin(entries, self.news()))
            .where(ManifestTable.study_id == self._study_id)
        )
        told = connection.execute(found).mappings().all()
        if not told:
            self._forget()
            return []
        if self.stale(told[0]["phases"]):
            return self.read(connection)
        for row in told:
            if row["entry_id"] is not None:
                self.note(row)
        return self.rows

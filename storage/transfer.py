"""A study copied from one database into another: all its rows, ours and Optuna's, with new ids, in one transaction.

Names, numbers, times and scores stay as they are; ids of rows are those of the database they are in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, delete, func, insert, select, text

from storage import halt, optuna_schema
from storage.errors import StudyBusy, StudyExists, StudyMissing
from storage.schema import Base, BudgetTable, DatabaseClock, LeaseTable, ManifestTable, WorkerTable, table_of

CHUNK = 200  # rows in one statement
SIGN_OF_LIFE_SECONDS = 60.0

_KEYED = re.compile(r"(?P<before>.*/)(?P<trial>\d+)")  # a measurement of one trial: test/17
_NOTED = re.compile(r"(?P<before>dashboard:)(?P<trial>\d+)(?P<after>:.*)")  # a note of Optuna's dashboard on a trial


@dataclass(frozen=True)
class Copied:
    """`trials`: id of a trial in the source -> its id in the target; `rows` of all tables."""

    name: str
    source_id: int
    target_id: int
    created_at: float
    trials: Mapping[int, int]
    rows: int


@dataclass
class _Ids:
    """Old id -> new id, by what it is the id of. `trial_id` and the rest mean the same in every table of ours."""

    known: dict[str, dict[int, int]] = field(default_factory=dict)
    rows: int = 0

    def translated(self, row: Mapping[str, Any]) -> dict[str, Any]:
        told = {}
        for name, value in row.items():
            told[name] = self.known[name].get(value, value) if name in self.known and value is not None else value
        return told


def copy_study(source: Connection, target: Connection, name: str) -> Copied:
    """Copy one study. Raises StudyMissing, StudyBusy while somebody works on it, StudyExists when the name is taken."""
    for connection in (source, target):
        if connection.dialect.name == "postgresql":
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {limit} = '1h'"))
    study_id = source.execute(select(ManifestTable.study_id).where(ManifestTable.name == name)).scalar_one_or_none()
    if study_id is None:
        raise StudyMissing(f"there is no study {name!r} to transfer")
    _refuse_busy(source, study_id, name)
    if target.execute(select(ManifestTable.study_id).where(ManifestTable.name == name)).first() is not None:
        raise StudyExists(f"the other database has a study {name!r} already: nothing was copied")
    ids = _Ids()
    phases = source.execute(select(BudgetTable.phase).where(BudgetTable.study_id == study_id)).scalars().all()
    _copy_optuna(source, target, [f"{name}/{phase}" for phase in phases], ids)
    trials = ids.known.setdefault("trial_id", {})
    ids.known.pop("study_id", None)  # Optuna's studies; from here on it is the id of ours
    for table in Base.metadata.sorted_tables:
        if "study_id" in table.c:
            _copy(source, target, table, select(table).where(table.c.study_id == study_id), ids)
        elif "trial_id" in table.c:
            _copy(source, target, table, _of(table, "trial_id", list(trials)), ids)
    created = select(ManifestTable.created_at).where(ManifestTable.study_id == study_id)
    new_id = ids.known["study_id"][study_id]
    halt.resume(target, new_id)  # it was stopped for the copy's sake
    return Copied(name, study_id, new_id, source.execute(created).scalar_one(), trials, ids.rows)


def _refuse_busy(source: Connection, study_id: int, name: str) -> None:
    """Raise StudyBusy while a worker is there. On PostgreSQL nobody can start a run until the copy is over."""
    budgets = select(BudgetTable.phase).where(BudgetTable.study_id == study_id).with_for_update()
    source.execute(budgets).all()
    leases = LeaseTable.study_id == study_id, LeaseTable.expires_at > DatabaseClock()
    seen = WorkerTable.last_seen > DatabaseClock() - SIGN_OF_LIFE_SECONDS
    workers = WorkerTable.study_id == study_id, WorkerTable.left_at.is_(None), seen
    count = source.execute(select(func.count()).select_from(LeaseTable).where(*leases)).scalar_one()
    count = max(count, source.execute(select(func.count()).select_from(WorkerTable).where(*workers)).scalar_one())
    if count:
        raise StudyBusy(
            f"{count} worker(s) are at work on {name}: stop them first with python -m search.stop --name {name},"
            " a copy made meanwhile would miss what they do"
        )


def _copy_optuna(source: Connection, target: Connection, names: list[str], ids: _Ids) -> None:
    """Optuna's studies of these names. Its tables are read by their columns, whichever there are."""
    tables = optuna_schema.all_tables()
    studies = next(table for table in tables if table.name == "studies")
    _copy(source, target, studies, select(studies).where(studies.c.study_name.in_(names)), ids)
    for table in tables:
        if table.name == "trials":
            _copy(source, target, table, _of(table, "study_id", list(ids.known["study_id"])), ids)
    for table in tables:
        for key in ("trial_id", "study_id"):
            if table.name not in ("trials", "studies") and key in table.c:
                _copy(source, target, table, _of(table, key, list(ids.known.get(key, {}))), ids)


def _of(table: Table, key: str, values: list[int]) -> Any:
    """Rows of a table by a column, in the order of their ids; few enough in one statement for either backend."""
    chunks = [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]
    order = list(table.primary_key)
    return [select(table).where(table.c[key].in_(chunk)).order_by(*order) for chunk in chunks]


def _copy(source: Connection, target: Connection, table: Table, asked: Any, ids: _Ids) -> None:
    """Insert what is asked for, with new ids where the database hands them out."""
    keys = list(table.primary_key)
    own = keys[0] if len(keys) == 1 and not keys[0].foreign_keys and keys[0].autoincrement is not False else None
    handed_out = own is not None and own.type.python_type is int
    at_once = 4 if any(isinstance(column.type, LargeBinary) for column in table.c) else CHUNK
    for question in asked if isinstance(asked, list) else [asked.order_by(*keys)]:
        found = source.execute(question, execution_options={"yield_per": at_once}).mappings()
        for rows in found.partitions():
            ids.rows += len(rows)
            part = [_renamed(ids.translated(dict(row)), ids) for row in rows]
            if not handed_out or own is None:
                target.execute(insert(table), part)
                continue
            old = [row[own.name] for row in rows]
            part = [{key: value for key, value in row.items() if key != own.name} for row in part]
            given = insert(table).returning(own, sort_by_parameter_order=True)
            new = target.execute(given, part).scalars().all()
            if table is table_of(ManifestTable) and list(new) == old:
                # Files are named by the id of their study: the copy must not write into those of the original.
                target.execute(delete(table).where(own.in_(new)))
                new = target.execute(given, part).scalars().all()
            ids.known.setdefault(own.name, {}).update(zip(old, new, strict=True))


def _renamed(row: dict[str, Any], ids: _Ids) -> dict[str, Any]:
    """Ids of trials inside of texts: keys of measurements and of notes, locations of checkpoints."""
    trials = ids.known.get("trial_id", {})
    if isinstance(key := row.get("key"), str):
        for form in (_KEYED, _NOTED):
            if (match := form.fullmatch(key)) and int(match["trial"]) in trials:
                after = match.groupdict().get("after") or ""
                row["key"] = f"{match['before']}{trials[int(match['trial'])]}{after}"
    if isinstance(place := row.get("location"), str):
        row["location"] = moved_location(place, trials)
    return row


def moved_location(location: str, trials: Mapping[int, int]) -> str:
    """`study/trial id/file` with the id of the trial in the other database."""
    parts = location.split("/")
    if len(parts) == 3 and parts[1].isdecimal() and int(parts[1]) in trials:
        parts[1] = str(trials[int(parts[1])])
    return "/".join(parts)

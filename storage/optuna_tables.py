"""Everything that touches Optuna's own tables (optuna 5.0), inside our transactions.

Optuna is the schema and the viewer: what is written here, `optuna.load_study` and optuna-dashboard read. A trial gets
all its parameters at birth and keeps its number for life.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from optuna import __version__ as optuna_version
from optuna.distributions import (
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    false,
    func,
    insert,
    inspect,
    literal,
    null,
    select,
    text,
    true,
    update,
)

from storage.bound import as_recordset, recordset
from storage.errors import StudyMissing
from storage.names import to_json
from storage.notes import NOTE_DIGEST, NOTE_TEXT, NOTE_VERSION, digest_of, note_attrs, note_of
from storage.rows import JSON
from storage.shown import Shown
from storage.upsert import insert_or_ignore, upsert

HEAD_REVISION = "v3.2.0.a"  # of Optuna's alembic scripts; a test compares it with the installed ones

_studies = models.StudyModel.__table__
_directions = models.StudyDirectionModel.__table__
_trials = models.TrialModel.__table__
_params = models.TrialParamModel.__table__
_values = models.TrialValueModel.__table__
_steps = models.TrialIntermediateValueModel.__table__
_attrs = models.TrialUserAttributeModel.__table__
_notes = models.StudySystemAttributeModel.__table__
_FINITE = models.TrialValueModel.TrialValueType.FINITE


def create_tables(connection: Connection) -> None:
    """Optuna's tables with both version marks, as its RDBStorage makes them, but in the caller's transaction."""
    from alembic.migration import MigrationContext  # a fifth of a second that a worker, who finds the tables, saves

    models.BaseModel.metadata.create_all(connection)
    if connection.execute(select(models.VersionInfoModel.__table__)).first() is None:
        marks = {"version_info_id": 1, "schema_version": models.SCHEMA_VERSION, "library_version": optuna_version}
        connection.execute(insert(models.VersionInfoModel.__table__).values(marks))
    if MigrationContext.configure(connection).get_current_revision() is None:
        if not inspect(connection).has_table("alembic_version"):
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD_REVISION})


def all_tables() -> list[Table]:
    """Every table of Optuna's, those that others refer to first."""
    return list(models.BaseModel.metadata.sorted_tables)


def revision(connection: Connection) -> str:
    """The revision of Optuna's tables in this database."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def open_study(connection: Connection, name: str) -> None:
    """Create the Optuna study, to be maximised, unless it is there."""
    insert_or_ignore(connection, _studies, {"study_name": name})
    study_id = select(_studies.c.study_id).where(_studies.c.study_name == name)
    row = {"study_id": connection.execute(study_id).scalar_one(), "objective": 0, "direction": StudyDirection.MAXIMIZE}
    insert_or_ignore(connection, _directions, row)


def rename_study(connection: Connection, name: str, new: str) -> None:
    """Give an Optuna study, if it is there, another name; its trials keep their numbers."""
    connection.execute(update(_studies).where(_studies.c.study_name == name).values(study_name=new))


def locked(study: str | ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a study is there; it is locked by the statement that asks.

    Optuna numbers trials under this very lock, so that both may add trials to one study.
    """
    return select(_studies.c.study_id).where(_studies.c.study_name == study).with_for_update().exists()


def check_compatible(connection: Connection, study: str, shown: Shown) -> None:
    """Raise StudyMissing, and ValueError where a distribution contradicts the first trial's: Optuna refuses to read
    such a study."""
    first = select(func.min(_trials.c.trial_id)).where(_trials.c.study_id == _studies.c.study_id)
    of_first = _params.c.trial_id == first.correlate(_studies).scalar_subquery()
    columns = _params.c.param_name, _params.c.distribution_json
    found = select(*columns).select_from(_studies.outerjoin(_params, of_first)).where(_studies.c.study_name == study)
    rows = connection.execute(found).all()
    if not rows:
        raise StudyMissing(f"Optuna's study {study} was deleted from outside: delete the whole study")
    for name, before in rows:
        if name in shown.distributions:
            check_distribution_compatibility(json_to_distribution(before), shown.distributions[name])


def new_trial(connection: Connection, study: str, shown: Shown, unless: ColumnElement[bool]) -> tuple[int, int] | None:
    """A RUNNING trial with everything it shows: (trial id, number); None where `unless` holds. The study must be
    `locked`: what is committed by then is seen."""
    return _insert_trial(connection, study, shown, TrialState.RUNNING, _now(), None, unless)


def trial_at_once(study: ColumnElement[str], when: CTE) -> tuple[CTE, CTE, CTE]:
    """`new_trial` as parts of one statement of PostgreSQL, done if `when` has a row: the first has the trial's id and
    number, the others write what it shows. What is to be bound: `bound_at_once`."""
    study_id = select(_studies.c.study_id).where(_studies.c.study_name == study).scalar_subquery()
    state, started = _trials.c.state.type, _trials.c.datetime_start.type
    row = _trial_row(study_id, bindparam("trial_state", type_=state), bindparam("started", type_=started), null())
    made = insert(_trials).from_select(list(row), select(*row.values()).select_from(when))
    trial = made.returning(_trials.c.trial_id, _trials.c.number).cte("made")
    return trial, _rows_at_once(trial, _params, "parameters"), _rows_at_once(trial, _attrs, "attributes")


def bound_at_once(shown: Shown) -> dict[str, Any]:
    """What `trial_at_once` is to be executed with. Raises ValueError as `new_trial`."""
    told = {"parameters": as_recordset(_param_rows(shown)), "attributes": as_recordset(_attr_rows(shown.attrs))}
    return {"trial_state": TrialState.RUNNING.name, "started": _now(), **told}


def _rows_at_once(trial: CTE, table: Table, name: str) -> CTE:
    """Rows of a table that belongs to the trial, from a JSON list under the bound `name`."""
    columns = [each for each in table.c if not each.primary_key and each.name != "trial_id"]
    rows = recordset(name, columns)
    source = select(trial.c.trial_id, *rows.c).select_from(trial.join(rows, true()))
    return insert(table).from_select(["trial_id", *(each.name for each in columns)], source).cte(name)


def copy_trial(connection: Connection, source: int, study: str, shown: Shown) -> tuple[int, int]:
    """A copy of a terminal trial in another study, with that study's parameters and attributes: (trial id, number)."""
    if connection.execute(select(literal(1)).where(locked(study))).first() is None:
        raise StudyMissing(f"Optuna's study {study} was deleted from outside: delete the whole study")
    told = connection.execute(select(_trials).where(_trials.c.trial_id == source)).one()
    made = _insert_trial(connection, study, shown, told.state, told.datetime_start, told.datetime_complete, false())
    assert made is not None
    trial_id, number = made
    for table, kept in (
        (_values, ("objective", "value", "value_type")),
        (_steps, ("step", "intermediate_value", "intermediate_value_type")),
    ):
        columns = [table.c[name] for name in kept]
        rows = select(literal(trial_id), *columns).where(table.c.trial_id == source)
        connection.execute(insert(table).from_select(["trial_id", *kept], rows))
    own = select(_attrs.c.key, _attrs.c.value_json).where(_attrs.c.trial_id == source, _attrs.c.key.in_(shown_at_end))
    set_attrs(connection, trial_id, {key: json.loads(value) for key, value in connection.execute(own)})
    return trial_id, number


shown_at_end = ("stop", "reason")


def set_state(connection: Connection, trial_id: int, state: TrialState, value: float | None = None) -> bool:
    """Move a trial to a state; False when the trial is gone. A terminal one gets its end time and its value."""
    change: dict[str, Any] = {"state": state}
    if state.is_finished():
        change["datetime_complete"] = _now()
    if not connection.execute(update(_trials).where(_trials.c.trial_id == trial_id).values(change)).rowcount:
        return False
    if value is not None:
        row = {"trial_id": trial_id, "objective": 0, "value": value, "value_type": _FINITE}
        upsert(connection, _values, [row], keys=("trial_id", "objective"))
    return True


def set_attrs(connection: Connection, trial_id: int, attrs: Mapping[str, JSON]) -> None:
    """Set user attributes of a trial, whatever they were."""
    rows = [{"trial_id": trial_id, **row} for row in _attr_rows(attrs)]
    upsert(connection, _attrs, rows, keys=("trial_id", "key"))


def report(connection: Connection, trial_id: int, scores: Iterable[tuple[int, float]]) -> None:
    """Set intermediate values, (step, value), also at steps that have one: a taken-over trial repeats itself."""
    rows = []
    for step, score in scores:
        value, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(score)
        rows.append({"trial_id": trial_id, "step": step, "intermediate_value": value, "intermediate_value_type": kind})
    upsert(connection, _steps, rows, keys=("trial_id", "step"))


def forget_steps_after(connection: Connection, trial_id: int, step: int) -> None:
    """Drop intermediate values beyond a step: those of a lost attempt that got further than the one that counts."""
    connection.execute(delete(_steps).where(_steps.c.trial_id == trial_id, _steps.c.step > step))


def keep_note(connection: Connection, study: str, body: str) -> bool:
    """Set the note of a study in optuna-dashboard's format; whether anything was written.

    Not where a person has changed the note: what stands there is not what was last written here. Raises StudyMissing.
    """
    locked = select(_studies.c.study_id).where(_studies.c.study_name == study).with_for_update()
    study_id = connection.execute(locked).scalar_one_or_none()
    if study_id is None:
        raise StudyMissing(f"Optuna's study {study} is not in the database: deleted?")
    columns = _notes.c.key, _notes.c.value_json
    rows = connection.execute(select(*columns).where(_notes.c.study_id == study_id))
    attrs = {key: json.loads(value) for key, value in rows}
    there, last = note_of(attrs), attrs.get(NOTE_DIGEST)
    edited = bool(there) if last is None else last != digest_of(there)
    if edited or there == body:
        return False
    parts = note_attrs(body, attrs.get(NOTE_VERSION, 0) + 1)
    emptied = {key: "" for key in attrs if key.startswith(NOTE_TEXT) and key not in parts}
    changed = {**parts, **emptied, NOTE_DIGEST: digest_of(body)}
    new = [{"study_id": study_id, "key": key, "value_json": to_json(value)} for key, value in changed.items()]
    upsert(connection, _notes, new, keys=("study_id", "key"))
    return True


def delete_studies(connection: Connection, names: Iterable[str]) -> None:
    """Delete the Optuna studies of these names with all that belongs to them."""
    studies: Select[Any] = select(_studies.c.study_id).where(_studies.c.study_name.in_(list(names)))
    trials = select(_trials.c.trial_id).where(_trials.c.study_id.in_(studies))
    for model in models.BaseModel.registry.mappers:
        table = model.class_.__table__
        if "trial_id" in table.c and table is not _trials:
            connection.execute(delete(table).where(table.c.trial_id.in_(trials)))
    for model in models.BaseModel.registry.mappers:
        table = model.class_.__table__
        if "study_id" in table.c and table is not _studies:
            connection.execute(delete(table).where(table.c.study_id.in_(studies)))
    connection.execute(delete(_studies).where(_studies.c.study_id.in_(studies)))


def _insert_trial(
    connection: Connection,
    study: str,
    shown: Shown,
    state: TrialState,
    started: datetime | None,
    completed: datetime | None,
    unless: ColumnElement[bool],
) -> tuple[int, int] | None:
    study_id = select(_studies.c.study_id).where(_studies.c.study_name == study).scalar_subquery()
    columns = _trials.c.state, _trials.c.datetime_start, _trials.c.datetime_complete
    told = (literal(value, each.type) for value, each in zip((state, started, completed), columns, strict=True))
    row = _trial_row(study_id, *told)
    made = insert(_trials).from_select(list(row), select(*row.values()).where(~unless))
    trial = connection.execute(made.returning(_trials.c.trial_id, _trials.c.number)).one_or_none()
    if trial is None:
        return None
    params = [{"trial_id": trial.trial_id, **row} for row in _param_rows(shown)]
    if params:
        connection.execute(insert(_params), params)
    set_attrs(connection, trial.trial_id, shown.attrs)
    return trial.trial_id, trial.number


def _trial_row(study_id: ColumnElement[int], *told: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """As expressions; `told`: state, start and end. Trials are numbered by counting them."""
    counted = select(func.count()).select_from(_trials).where(_trials.c.study_id == study_id).scalar_subquery()
    columns = "study_id", "number", "state", "datetime_start", "datetime_complete"
    return dict(zip(columns, (study_id, counted, *told), strict=True))


def _param_rows(shown: Shown) -> list[dict[str, Any]]:
    rows = []
    for name, value in shown.params.items():
        distribution = shown.distributions[name]
        internal = distribution.to_internal_repr(value)
        if not distribution._contains(internal):
            raise ValueError(f"parameter {name}={value!r} is outside {distribution}")
        kept = distribution_to_json(distribution)
        rows.append({"param_name": name, "param_value": internal, "distribution_json": kept})
    return rows


def _attr_rows(attrs: Mapping[str, JSON]) -> list[dict[str, Any]]:
    return [{"key": key, "value_json": to_json(value)} for key, value in attrs.items()]


def _now() -> datetime:
    """Optuna keeps times as naive UTC of the worker's clock."""
    return datetime.now(UTC).replace(tzinfo=None)

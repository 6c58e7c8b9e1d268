"""New trials in Optuna's tables: one gets all its parameters at birth and keeps its number for life."""

import json
from datetime import datetime
from typing import Any

from optuna.distributions import check_distribution_compatibility, distribution_to_json, json_to_distribution
from optuna.trial import TrialState
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    false,
    func,
    insert,
    literal,
    null,
    select,
    true,
)

from storage.bound import as_recordset, recordset
from storage.errors import StudyMissing
from storage.optuna_schema import ATTRS, PARAMS, STEPS, STUDIES, TRIALS, VALUES
from storage.optuna_tables import attr_rows, locked, now, set_attrs
from storage.shown import Shown

SHOWN_AT_END = ("stop", "reason")  # attributes that a trial gets when it ends, and its copies with it


def check_compatible(connection: Connection, study: str, shown: Shown) -> None:
    """Raise StudyMissing, and ValueError where a distribution contradicts the first trial's: Optuna refuses to read
    such a study."""
    first = select(func.min(TRIALS.c.trial_id)).where(TRIALS.c.study_id == STUDIES.c.study_id)
    of_first = PARAMS.c.trial_id == first.correlate(STUDIES).scalar_subquery()
    columns = PARAMS.c.param_name, PARAMS.c.distribution_json
    found = select(*columns).select_from(STUDIES.outerjoin(PARAMS, of_first)).where(STUDIES.c.study_name == study)
    rows = connection.execute(found).all()
    if not rows:
        raise StudyMissing(f"Optuna's study {study} was deleted from outside: delete the whole study")
    for name, before in rows:
        if name in shown.distributions:
            check_distribution_compatibility(json_to_distribution(before), shown.distributions[name])


def new_trial(connection: Connection, study: str, shown: Shown, unless: ColumnElement[bool]) -> tuple[int, int] | None:
    """A RUNNING trial with everything it shows: (trial id, number); None where `unless` holds. The study must be
    `locked`: what is committed by then is seen."""
    return _insert_trial(connection, study, shown, TrialState.RUNNING, now(), None, unless)


def trial_at_once(study: ColumnElement[str], when: CTE) -> tuple[CTE, CTE, CTE]:
    """`new_trial` as parts of one statement of PostgreSQL, done if `when` has a row: the first has the trial's id and
    number, the others write what it shows. What is to be bound: `bound_at_once`."""
    study_id = select(STUDIES.c.study_id).where(STUDIES.c.study_name == study).scalar_subquery()
    state, started = TRIALS.c.state.type, TRIALS.c.datetime_start.type
    row = _trial_row(study_id, bindparam("trial_state", type_=state), bindparam("started", type_=started), null())
    made = insert(TRIALS).from_select(list(row), select(*row.values()).select_from(when))
    trial = made.returning(TRIALS.c.trial_id, TRIALS.c.number).cte("made")
    return trial, _rows_at_once(trial, PARAMS, "parameters"), _rows_at_once(trial, ATTRS, "attributes")


def bound_at_once(shown: Shown) -> dict[str, Any]:
    """What `trial_at_once` is to be executed with. Raises ValueError as `new_trial`."""
    told = {"parameters": as_recordset(_param_rows(shown)), "attributes": as_recordset(attr_rows(shown.attrs))}
    return {"trial_state": TrialState.RUNNING.name, "started": now(), **told}


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
    told = connection.execute(select(TRIALS).where(TRIALS.c.trial_id == source)).one()
    made = _insert_trial(connection, study, shown, told.state, told.datetime_start, told.datetime_complete, false())
    assert made is not None
    trial_id, number = made
    for table, kept in (
        (VALUES, ("objective", "value", "value_type")),
        (STEPS, ("step", "intermediate_value", "intermediate_value_type")),
    ):
        columns = [table.c[name] for name in kept]
        rows = select(literal(trial_id), *columns).where(table.c.trial_id == source)
        connection.execute(insert(table).from_select(["trial_id", *kept], rows))
    own = select(ATTRS.c.key, ATTRS.c.value_json).where(ATTRS.c.trial_id == source, ATTRS.c.key.in_(SHOWN_AT_END))
    set_attrs(connection, trial_id, {key: json.loads(value) for key, value in connection.execute(own)})
    return trial_id, number


def _insert_trial(
    connection: Connection,
    study: str,
    shown: Shown,
    state: TrialState,
    started: datetime | None,
    completed: datetime | None,
    unless: ColumnElement[bool],
) -> tuple[int, int] | None:
    study_id = select(STUDIES.c.study_id).where(STUDIES.c.study_name == study).scalar_subquery()
    columns = TRIALS.c.state, TRIALS.c.datetime_start, TRIALS.c.datetime_complete
    told = (literal(value, each.type) for value, each in zip((state, started, completed), columns, strict=True))
    row = _trial_row(study_id, *told)
    made = insert(TRIALS).from_select(list(row), select(*row.values()).where(~unless))
    trial = connection.execute(made.returning(TRIALS.c.trial_id, TRIALS.c.number)).one_or_none()
    if trial is None:
        return None
    params = [{"trial_id": trial.trial_id, **row} for row in _param_rows(shown)]
    if params:
        connection.execute(insert(PARAMS), params)
    set_attrs(connection, trial.trial_id, shown.attrs)
    return trial.trial_id, trial.number


def _trial_row(study_id: ColumnElement[int], *told: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """As expressions; `told`: state, start and end. Trials are numbered by counting them."""
    counted = select(func.count()).select_from(TRIALS).where(TRIALS.c.study_id == study_id).scalar_subquery()
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

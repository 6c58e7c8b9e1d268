"""Studies and trials in Optuna's own tables, inside our transactions; how trials come into being: `optuna_births`."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, Select, delete, select, update

from storage.names import to_json
from storage.optuna_schema import (
    ATTRS,
    DIRECTIONS,
    FINITE,
    STEPS,
    STUDIES,
    TRIALS,
    VALUES,
    all_tables,
    stored_score,
)
from storage.rows import JSON
from storage.upsert import insert_or_ignore, upsert


def open_study(connection: Connection, name: str) -> None:
    """Create the Optuna study, to be maximised, unless it is there."""
    insert_or_ignore(connection, STUDIES, {"study_name": name})
    study_id = select(STUDIES.c.study_id).where(STUDIES.c.study_name == name)
    row = {"study_id": connection.execute(study_id).scalar_one(), "objective": 0, "direction": StudyDirection.MAXIMIZE}
    insert_or_ignore(connection, DIRECTIONS, row)


def rename_study(connection: Connection, name: str, new: str) -> None:
    """Give an Optuna study, if it is there, another name; its trials keep their numbers."""
    connection.execute(update(STUDIES).where(STUDIES.c.study_name == name).values(study_name=new))


def locked(study: str | ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a study is there; it is locked by the statement that asks.

    Optuna numbers trials under this very lock, so that both may add trials to one study.
    """
    return select(STUDIES.c.study_id).where(STUDIES.c.study_name == study).with_for_update().exists()


def set_state(connection: Connection, trial_id: int, state: TrialState, value: float | None = None) -> bool:
    """Move a trial to a state; False when the trial is gone. A terminal one gets its end time and its value."""
    change: dict[str, Any] = {"state": state}
    if state.is_finished():
        change["datetime_complete"] = now()
    if not connection.execute(update(TRIALS).where(TRIALS.c.trial_id == trial_id).values(change)).rowcount:
        return False
    if value is not None:
        row = {"trial_id": trial_id, "objective": 0, "value": value, "value_type": FINITE}
        upsert(connection, VALUES, [row], keys=("trial_id", "objective"))
    return True


def set_attrs(connection: Connection, trial_id: int, attrs: Mapping[str, JSON]) -> None:
    """Set user attributes of a trial, whatever they were."""
    rows = [{"trial_id": trial_id, **row} for row in attr_rows(attrs)]
    upsert(connection, ATTRS, rows, keys=("trial_id", "key"))


def report(connection: Connection, trial_id: int, scores: Iterable[tuple[int, float]]) -> None:
    """Set intermediate values, (step, value), also at steps that have one: a taken-over trial repeats itself."""
    rows = []
    for step, score in scores:
        value, kind = stored_score(score)
        rows.append({"trial_id": trial_id, "step": step, "intermediate_value": value, "intermediate_value_type": kind})
    upsert(connection, STEPS, rows, keys=("trial_id", "step"))


def forget_steps_after(connection: Connection, trial_id: int, step: int) -> None:
    """Drop intermediate values beyond a step: those of a lost attempt that got further than the one that counts."""
    connection.execute(delete(STEPS).where(STEPS.c.trial_id == trial_id, STEPS.c.step > step))


def delete_studies(connection: Connection, names: Iterable[str]) -> None:
    """Delete the Optuna studies of these names with all that belongs to them."""
    studies: Select[Any] = select(STUDIES.c.study_id).where(STUDIES.c.study_name.in_(list(names)))
    trials = select(TRIALS.c.trial_id).where(TRIALS.c.study_id.in_(studies))
    for key, wanted, itself in (("trial_id", trials, TRIALS), ("study_id", studies, STUDIES)):
        for table in all_tables():
            if key in table.c and table is not itself:
                connection.execute(delete(table).where(table.c[key].in_(wanted)))
    connection.execute(delete(STUDIES).where(STUDIES.c.study_id.in_(studies)))


def attr_rows(attrs: Mapping[str, JSON]) -> list[dict[str, Any]]:
    """Of user attributes, without the trial they belong to."""
    return [{"key": key, "value_json": to_json(value)} for key, value in attrs.items()]


def now() -> datetime:
    """Optuna keeps times as naive UTC of the worker's clock."""
    return datetime.now(UTC).replace(tzinfo=None)

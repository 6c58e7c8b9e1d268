"""The schema of Optuna's own tables (optuna 5.0), made inside our transactions.

Optuna is the schema and the viewer: what is written there, `optuna.load_study` and optuna-dashboard read.
"""

from typing import Any

from optuna import __version__ as optuna_version
from optuna.storages._rdb import models
from sqlalchemy import Connection, Table, insert, inspect, select, text

HEAD_REVISION = "v3.2.0.a"  # of Optuna's alembic scripts; a test compares it with the installed ones

STUDIES = models.StudyModel.__table__
DIRECTIONS = models.StudyDirectionModel.__table__
TRIALS = models.TrialModel.__table__
PARAMS = models.TrialParamModel.__table__
VALUES = models.TrialValueModel.__table__
STEPS = models.TrialIntermediateValueModel.__table__
ATTRS = models.TrialUserAttributeModel.__table__
STUDY_ATTRS = models.StudySystemAttributeModel.__table__
FINITE = models.TrialValueModel.TrialValueType.FINITE


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


def stored_score(score: float) -> tuple[float | None, Any]:
    """(value, kind) of an intermediate value in its table: neither NaN nor an infinity is a number there."""
    return models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(score)

"""Tables of an older version brought to this one, step by step, in the transaction and under the lock of the caller.

A step is written once and never changed: what it makes is the version after it, not whatever `storage.schema` says by
then. The statements hold for both backends, where `{bytes}` stands for the type that they name differently; a test
compares what they make with the tables of a new database.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text, update

from storage.schema import SCHEMA_VERSION, VersionTable

# The version that a step starts from -> its statements.
STEPS: Mapping[int, tuple[str, ...]] = {
    1: (
        """
        CREATE TABLE ceteris_attempt (
            trial_id INTEGER NOT NULL,
            token INTEGER NOT NULL,
            study_id INTEGER NOT NULL,
            worker TEXT NOT NULL,
            host TEXT NOT NULL,
            device TEXT NOT NULL,
            mode TEXT NOT NULL,
            began_at FLOAT NOT NULL,
            seconds FLOAT NOT NULL,
            images BIGINT NOT NULL,
            training_seconds FLOAT NOT NULL,
            validation_seconds FLOAT NOT NULL,
            device_use FLOAT,
            core_seconds FLOAT NOT NULL,
            peak_bytes BIGINT,
            PRIMARY KEY (trial_id, token),
            FOREIGN KEY (study_id) REFERENCES ceteris_manifest (study_id)
        )
        """,
    ),
    2: (
        """
        CREATE TABLE ceteris_blob (
            trial_id INTEGER NOT NULL,
            kind TEXT NOT NULL,
            token INTEGER NOT NULL,
            chunk INTEGER NOT NULL,
            chunks INTEGER NOT NULL,
            study_id INTEGER NOT NULL,
            size BIGINT NOT NULL,
            sha256 TEXT NOT NULL,
            at FLOAT NOT NULL,
            data {bytes} NOT NULL,
            PRIMARY KEY (trial_id, kind, token, chunk),
            FOREIGN KEY (study_id) REFERENCES ceteris_manifest (study_id)
        )
        """,
    ),
}


def can_migrate(version: int) -> bool:
    """Whether tables of this version can be brought to this ceteris's."""
    return all(step in STEPS for step in range(version, SCHEMA_VERSION)) and version < SCHEMA_VERSION


def migrate(connection: Connection, version: int) -> None:
    """Take every step from `version` to SCHEMA_VERSION."""
    of_bytes = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for step in range(version, SCHEMA_VERSION):
        for statement in STEPS[step]:
            connection.execute(text(statement.format(bytes=of_bytes)))
    connection.execute(update(VersionTable).values(schema_version=SCHEMA_VERSION))

"""The note of a study, kept where optuna-dashboard shows it."""

import json

from sqlalchemy import Connection, select

from storage.errors import StudyMissing
from storage.names import to_json
from storage.notes import NOTE_DIGEST, NOTE_TEXT, NOTE_VERSION, digest_of, note_attrs, note_of
from storage.optuna_schema import STUDIES, STUDY_ATTRS
from storage.upsert import upsert


def keep_note(connection: Connection, study: str, body: str) -> bool:
    """Set the note of a study in optuna-dashboard's format; whether anything was written.

    Not where a person has changed the note: what stands there is not what was last written here. Raises StudyMissing.
    """
    locked = select(STUDIES.c.study_id).where(STUDIES.c.study_name == study).with_for_update()
    study_id = connection.execute(locked).scalar_one_or_none()
    if study_id is None:
        raise StudyMissing(f"Optuna's study {study} is not in the database: deleted?")
    columns = STUDY_ATTRS.c.key, STUDY_ATTRS.c.value_json
    rows = connection.execute(select(*columns).where(STUDY_ATTRS.c.study_id == study_id))
    attrs = {key: json.loads(value) for key, value in rows}
    there, last = note_of(attrs), attrs.get(NOTE_DIGEST)
    edited = bool(there) if last is None else last != digest_of(there)
    if edited or there == body:
        return False
    parts = note_attrs(body, attrs.get(NOTE_VERSION, 0) + 1)
    emptied = {key: "" for key in attrs if key.startswith(NOTE_TEXT) and key not in parts}
    changed = {**parts, **emptied, NOTE_DIGEST: digest_of(body)}
    new = [{"study_id": study_id, "key": key, "value_json": to_json(value)} for key, value in changed.items()]
    upsert(connection, STUDY_ATTRS, new, keys=("study_id", "key"))
    return True

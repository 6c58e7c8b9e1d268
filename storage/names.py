"""The one validator in front of both backends: what SQLite takes, PostgreSQL and Windows' file system must, too."""

import json
import re
import unicodedata
from math import isfinite
from typing import Any

from storage.errors import NameInvalid
from storage.rows import JSON

MAX_STUDY = 80
_PHASE = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}(/[a-z0-9][a-z0-9._-]{0,59})?", re.ASCII)
_DEVICES = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


def check_study_name(name: str) -> str:
    """The name itself. It names folders and Optuna studies: letters and digits of any script, '.', '_' and '-'.

    Raises NameInvalid with a name that would be accepted.
    """
    if not isinstance(name, str) or name != study_name_from(name):
        name = str(name)
        raise NameInvalid(
            f"study name {name[:MAX_STUDY]!r}: letters, digits, '.', '_' and '-' only, beginning with a letter or"
            f" digit, at most {MAX_STUDY} characters; {study_name_from(name)!r} would do"
        )
    return name


def study_name_from(text: str) -> str:
    """The nearest valid study name to any text, for example a folder's name; 'study' when nothing is left."""
    text = unicodedata.normalize("NFC", text)
    kept = re.sub("-+", "-", "".join(c if c.isalnum() or c in "._-" else "-" for c in text))
    kept = kept.lstrip("._-")[:MAX_STUDY].rstrip(".-")
    if kept.split(".")[0].lower() in _DEVICES:
        kept = f"study-{kept}"
    return kept or "study"


def check_phase(phase: str) -> str:
    """The phase itself, such as "1-lr" or "1-lr/finals". Raises NameInvalid."""
    if not isinstance(phase, str) or not _PHASE.fullmatch(phase):
        raise NameInvalid(
            f"phase {str(phase)[:80]!r}: small letters, digits, '.', '_', '-' and at most one '/', as in 1-lr/finals"
        )
    return phase


def check_key(key: str) -> str:
    """The key itself: of a measurement, a stage or a worker. Raises NameInvalid."""
    if not isinstance(key, str) or not 1 <= len(key) <= 200 or not key.isprintable() or key != clean_text(key):
        raise NameInvalid(f"key {str(key)[:40]!r}: 1 to 200 printable characters")
    return key


def clean_text(text: str) -> str:
    """Text that every backend can hold: NUL characters and lone surrogates (odd file names in messages) replaced."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def to_json(value: JSON) -> str:
    """Canonical JSON text. A number that is not finite becomes null, for JSON has no word for it."""
    return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value

"""Notes and pictures in the words of optuna-dashboard: system attributes of an Optuna study."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage.rows import JSON

if TYPE_CHECKING:
    from optuna.artifacts import ArtifactMeta

# Where optuna-dashboard 0.21 keeps the note of a study, and how long one part of it may be.
NOTE_VERSION, NOTE_TEXT, NOTE_PART = "dashboard:note_ver", "dashboard:note_str:", 2045
NOTE_DIGEST = "ceteris:note"


def artifact_attr(meta: "ArtifactMeta") -> tuple[str, str]:
    """The system attribute by which a trial has an artifact."""
    return f"artifacts:{meta.artifact_id}", json.dumps(asdict(meta))


def note_attrs(body: str, version: int = 1, trial_id: int | None = None) -> dict[str, JSON]:
    """The system attributes of a study that show `body` (Markdown) as its note, or as the note of one of its trials."""
    of = "" if trial_id is None else f"{trial_id}:"
    parts = [body[start : start + NOTE_PART] for start in range(0, len(body), NOTE_PART)]
    texts: dict[str, JSON] = {f"dashboard:{of}note_str:{index}": part for index, part in enumerate(parts)}
    return {f"dashboard:{of}note_ver": version, **texts}


def note_of(attrs: Mapping[str, Any]) -> str:
    """The note of a study, from its system attributes; empty where there is none."""
    parts = sum(key.startswith(NOTE_TEXT) for key in attrs)
    return "".join(attrs.get(f"{NOTE_TEXT}{index}", "") for index in range(parts))


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""The run folder: everything a study leaves behind, dated with the study's creation, the same name on every server."""

import datetime
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from search.commit import KEY
from search.options import make_folder
from search.study import Study

RESERVED = {"con", "prn", "aux", "nul", *(f"{stem}{n}" for stem in ("com", "lpt") for n in range(1, 10))}


def file_name(text: str) -> str:
    """`text` as a file name that every operating system takes: letters, digits, `._-`, at most 120 characters."""
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in text)[:120].strip("._ ") or "unnamed"
    return f"_{kept}" if kept.split(".")[0].lower() in RESERVED else kept


def study_folder(runs: Path, name: str, created_at: float) -> Path:
    """Where the run folder of a study lies, there or not; `created_at` in seconds since 1970."""
    created = datetime.datetime.fromtimestamp(created_at, datetime.UTC)
    return runs / f"{created:%Y-%m-%d}_{file_name(name)}"


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @classmethod
    def of(cls, study: Study, runs: Path) -> "RunFolder":
        """The folder of `study` under `runs`, created with its parts. Raises `UserError` when it cannot be written."""
        folder = cls.at(study, runs)
        for part in (folder.logs, folder.checkpoints, folder.weights):
            make_folder(part)
        RunFolder(runs).write_text("latest", folder.path.name + "\n")
        made_by = {"versions": dict(study.manifest.versions), "commit": study.store.measurement(study.study_id, KEY)}
        folder.write_json("study.json", {**json.loads(study.manifest.resolved), **made_by})
        return folder

    @classmethod
    def at(cls, study: Study, runs: Path) -> "RunFolder":
        """The same, but nothing in it is made."""
        return cls(make_folder(study_folder(runs, study.name, study.manifest.created_at)))

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.path / "weights"

    @property
    def predictions(self) -> Path:
        """Fetched by search.pull: class probabilities, one file for each run and part."""
        return self.path / "predictions"

    def write_json(self, name: str, value: object) -> Path:
        return self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write a small file whole or not at all."""
        target = self.path / name
        part = target.with_name(f".{target.name}-{uuid.uuid4().hex}.part")
        part.write_text(text, encoding="utf-8")
        try:
            part.replace(target)
        except PermissionError:  # Windows, while another launch reads it: that one wrote the same text
            part.unlink(missing_ok=True)
        return target

    def keep_weights(self, payload: bytes, name: str) -> Path:
        """Write weights under a name that says what they are and how good."""
        target = self.weights / file_name(name)
        target.write_bytes(payload)
        return target

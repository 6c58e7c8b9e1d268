"""The run folder: everything a study leaves behind, dated with the study's creation, the same name on every server."""

import datetime
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from search.options import make_folder
from search.study import Study

RESERVED = {"con", "prn", "aux", "nul", *(f"{stem}{n}" for stem in ("com", "lpt") for n in range(1, 10))}


def file_name(text: str) -> str:
    """`text` as a file name that every operating system takes: letters, digits, `._-`, at most 120 characters."""
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in text)[:120].strip("._ ") or "unnamed"
    return f"_{kept}" if kept.split(".")[0].lower() in RESERVED else kept


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @classmethod
    def of(cls, study: Study, runs: Path) -> "RunFolder":
        """The folder of `study` under `runs`, created with its parts. Raises `UserError` when it cannot be written."""
        created = datetime.datetime.fromtimestamp(study.manifest.created_at, datetime.UTC)
        folder = cls(runs / f"{created:%Y-%m-%d}_{file_name(study.name)}")
        for part in (folder.path, folder.logs, folder.checkpoints, folder.weights):
            make_folder(part)
        (runs / "latest").write_text(folder.path.name + "\n", encoding="utf-8")
        folder.write_json("study.json", json.loads(study.manifest.resolved))
        return folder

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.path / "weights"

    def write_json(self, name: str, value: object) -> Path:
        return self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write a small file whole or not at all."""
        target = self.path / name
        part = target.with_name(target.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(target)
        return target

    def keep_weights(self, source: Path, stage: str, label: str, backbone: str, score: float) -> Path:
        """Copy weights under a name that says model, factor and score: `lr-0.002_test_resnet_f1-0.987.pt`."""
        target = self.weights / file_name(f"{stage}-{label}_{backbone}_f1-{score:.4f}.pt")
        shutil.copyfile(source, target)
        return target

"""What a study has left behind on any server, brought into the run folder of this one."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from search.folder import RunFolder, file_name
from search.kept import keep_best_weights
from search.retention import kept_rows
from search.snapshot import take
from search.study import Study
from search.weights import find
from storage.blobs import BlobRow
from storage.checkpoints import Checkpoints
from storage.rows import RunRow


@dataclass
class Fetched:
    """How much is here now, and what is not."""

    folder: Path
    weights: int = 0  # here
    new_weights: int = 0  # of them fetched
    predictions: int = 0
    new_predictions: int = 0
    answer: Path | None = None  # the weights of the recommended recipe
    elsewhere: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.folder}: weights of {self.weights} runs ({self.new_weights} fetched), "
            f"predictions of {self.predictions} ({self.new_predictions} fetched)"
        )
        yield from self.elsewhere
        if self.answer:
            yield f"weights of the answer: {self.answer.relative_to(self.folder)}"


def fetch(study: Study, folder: RunFolder, checkpoints: Checkpoints) -> Fetched:
    """Weights that retention keeps and predictions of all runs, as far as they are here or in the database."""
    snapshot = take(study)
    told = Fetched(folder.path)
    rows = {row.trial_id: row for row in snapshot.runs if not row.reused}
    for row in kept_rows(list(rows.values())):
        found = find(study, row, checkpoints)
        if found is None:
            continue
        if found.payload is None:
            size = f"{found.row.size / 2**20:.1f} MiB"
            told.elsewhere.append(f"{row.phase}#{row.number}: its weights ({size}) are on {found.row.host} only")
            continue
        if found.fetched:
            checkpoints.put(found.row, found.payload)
        told.weights += 1
        told.new_weights += found.fetched
    for blob in study.store.blobs(study.study_id):
        if blob.kind != "weights" and (row := rows.get(blob.trial_id)) is not None:
            new = _keep_predictions(study, blob, row, folder)
            told.predictions += blob.kind == "validation"
            told.new_predictions += new and blob.kind == "validation"
    kept = keep_best_weights(snapshot, folder, checkpoints)
    told.answer = next((file for file in kept if file.name.startswith("confirm-")), None)
    return told


def _keep_predictions(study: Study, blob: BlobRow, row: RunRow, folder: RunFolder) -> bool:
    """Write them into the run folder unless they are there; whether they were not."""
    target = folder.predictions / file_name(f"{row.phase}_{row.number}_{blob.kind}.npz")
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == blob.sha256:
        return False
    payload = study.store.blob(blob.trial_id, blob.kind)
    if payload is None:
        return False
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(payload)
    part.replace(target)
    return True

"""Ours: `python -m search.launch --study lr_aug`, as anybody would type it, and the recipe it leaves in the run folder.

The words before the two files go to the launch. The wrapper imports nothing heavy.
"""

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contestants.task import Answer, Task, carry


def run(task: Task) -> Answer:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        words = ["--study", "lr_aug", "--name", "measured", "--data", str(Path(task.folder) / "all.npz")]
        words += ["--runs", str(place / "runs"), "--cache", str(place / "cache"), "--device", task.device]
        words += ["--workers", str(task.processes), *sys.argv[1:-2]]
        subprocess.run([sys.executable, "-m", "search.launch", *words], cwd=place, check=True)
        (recipe,) = (place / "runs").glob("*/recipe.json")
        found = json.loads(recipe.read_text(encoding="utf-8"))
        trials = begun(place / "runs" / "ceteris.db")
    return Answer((), found["lr"], found["loss"]["kind"], found["augment"]["kind"], trials)


def begun(database: Path) -> int:
    """Every run once, though several stages may share it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT count(*) FROM ceteris_cell").fetchone()[0]


if __name__ == "__main__":
    carry(run)

"""`python -m benchmarks.joining`: how long a worker that joins a study of many ended trials takes to its first step.

The trials are written with the statements of workers, many in one transaction. The joining is what is timed: a new
connection, the study's life up to the open phase, and the claim of a trial with its draw.
"""

import argparse
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path

from benchmarks.chaos.run import create
from benchmarks.fleet.past import definition, fill
from search import phases
from search.life import life
from search.sampling import Draws, Remembered
from search.study import Study
from search.worker import Worker
from storage.rows import Lease
from storage.store import Store
from storage.urls import sqlite_url


def join(url: str, name: str, screen: phases.Phase) -> tuple[float, float]:
    """Seconds to the first lease, and from one look to the next."""
    began = time.perf_counter()
    store = Store.connect(url)
    manifest = store.manifest(name)
    assert manifest is not None
    study = Study.of(store, manifest)
    phase = next(life(study, "joiner"))
    assert phase.name == screen.name
    worker = object.__new__(Worker)
    worker._study, worker._store = study, store
    draw = partial(worker._draw, phase, draws=Draws(phase, Remembered(phase)))
    lease = store.claim(study.study_id, phase.name, "joiner", uuid.uuid4().hex, draw)
    assert isinstance(lease, Lease), lease
    first = time.perf_counter() - began
    store.release(lease)
    began = time.perf_counter()
    store.claim(study.study_id, phase.name, "joiner", uuid.uuid4().hex, lambda t: None)
    again = time.perf_counter() - began
    store.close()
    return first, again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--postgresql", metavar="URL", help="an empty database, instead of a SQLite file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.postgresql or sqlite_url(Path(folder, "ceteris.db"))
        store = Store.connect(url)
        study = create(store, "joined", definition(given.trials + 20))
        screen = fill(store, study, given.trials)
        store.close()
        first, again = join(url, "joined", screen)
        print(f"{given.trials} ended trials: {first:.2f} s to the first lease, {again:.2f} s to the next")


if __name__ == "__main__":
    main()

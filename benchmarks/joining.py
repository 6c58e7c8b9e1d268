"""`python -m benchmarks.joining`: how long a worker that joins a study of many ended trials takes to its first step.

The trials are written the way workers write them, so the making takes minutes. The joining is what is timed: a new
connection, the study's life up to the open phase, and the claim of a trial with its draw.
"""

import argparse
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks.chaos.run import create
from search import phases, sampling
from search.life import life
from search.study import Study
from search.worker import Worker
from spaces.domain import LogGrid, Options
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from spaces.stage import Factor, Stage
from spaces.study import StudyDefinition
from storage.rows import CellKey, EpochRow, Lease, Proposal, Result
from storage.store import Store
from storage.urls import sqlite_url

BATCH_SIZES = 16, 32, 64, 128


def definition(cells: int) -> StudyDefinition:
    """A screen of at least so many cells: learning rates crossed with batch sizes."""
    step = 1000 ** (len(BATCH_SIZES) / cells)
    crossed = Factor(factor="batch_size", domain=Options(choices=BATCH_SIZES))
    stage = Stage(name="lr", factor="lr", domain=LogGrid(low=1e-4, high=1e-1, step=step), crossed=crossed)
    wanted = LR_AUG.model_copy(update={"stages": (stage,)})
    return override(wanted, ("baseline.image_size=8", "baseline.precision=fp32"))


def fill(store: Store, study: Study, count: int) -> phases.Phase:
    """`count` ended trials in the first screen, of 12 epochs each."""
    rules = {"delta": 0.005, "noise": 0.01}
    store.measure_once(study.study_id, "rules", rules, "joining")
    baseline = phases.with_plateau(study.definition, 0.005)
    screen = phases.screen(study.definition, study.definition.stages[0], baseline, baseline.lr)
    store.open_phase(study.study_id, screen.name, screen.allowed)
    distributions = sampling.distributions(screen)
    for number, planned in enumerate(screen.runs[:count]):
        candidate = planned.candidate
        proposal = Proposal(
            CellKey(*planned.cell),
            study.manifest.data_digest,
            candidate.recipe.canonical(),
            candidate.role,
            candidate.label,
            sampling.params_of(planned, screen),
            distributions,
        )
        lease = store.claim(study.study_id, screen.name, "filler", uuid.uuid4().hex, lambda taken, it=proposal: it)
        assert isinstance(lease, Lease)
        score = 0.5 + 0.4 * (number % 97) / 97
        epochs = [EpochRow(n, "constant", score, 1.0, 1.0, 0.001, 1.0) for n in range(1, 13)]
        store.finish(lease, Result("finished", "finished", score, 12, score, score, 12, 12.0), epochs)
        if number % 500 == 499:
            print(f"{number + 1} trials", flush=True)
    return screen


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
    lease = store.claim(study.study_id, phase.name, "joiner", uuid.uuid4().hex, lambda t: worker._draw(phase, t, sampling.Draws(phase)))
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

"""`python -m search.work`: the process of one worker, started by `search.launch` once per core or GPU.

The storage URL comes by environment, so that no process list shows a password.
"""

import logging
import math
import os
import socket
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from search.loading import collector_paused, settle

with collector_paused():
    import torch

    from search import labels
    from search.ask import digest_of
    from search.data_options import data_options, source_options
    from search.dataset import dataset_of
    from search.edge import EXIT_INTERRUPTED, EXIT_TIME, UserError, run
    from search.gauge import gauge_of
    from search.halted import heed
    from search.keeper import LeaseKeeper
    from search.leaving import Leaving, LeavingStudy
    from search.phases import planned_runs
    from search.pixels import other_pixels
    from search.resolve import geometry_of
    from search.stop import user
    from search.study import Study
    from search.turns import TooManyFailures, serve
    from search.versions import versions
    from search.worker import Worker
    from search.workplace import Workplace
    from spaces.study import StudyDefinition
    from storage.checkpoints import checkpoints_at
    from storage.errors import StorageError, StudyMissing
    from storage.store import Store
    from trainer.custom import Files
    from trainer.data import Dataset
    from trainer.execution import PLAIN, Mode
    from trainer.modes import fastest
    from trainer.nets import Nets
    from trainer.replay import CaptureError

log = logging.getLogger("ceteris.worker")
RENEWALS_PER_LEASE = 2
GOODBYE_SECONDS = 3.0  # of patience with a database that is away


@click.command(hidden=True)
@click.option("--name", required=True, multiple=True, help="Of several the first that has work is served first.")
@data_options
@click.option("--device", required=True)
@click.option("--folder", required=True, multiple=True, type=click.Path(path_type=Path), help="One for each name.")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--storage", envvar="CETERIS_STORAGE", required=True)
@click.option("--checkpoints", "kept_at")
@click.option("--weights-in-db", type=float, default=0.0, help="MiB; 0: none.")
@click.option("--checkpoint-every", type=float, default=30.0)
@click.option("--lease-seconds", type=float, default=30.0)
@click.option("--db-patience", type=float, default=3600.0)
@click.option("--wait-for-db", type=float, default=0.0)
@click.option("--threads", type=int, default=1)
@click.option("--launcher", type=int)
@click.option("--speculate", type=click.Choice(["on", "off"]), default="on")
@click.option("--idle-exit", type=float, default=math.inf)
@click.option("--ends-at", envvar="CETERIS_ENDS_AT", type=float, default=math.inf)  # seconds since 1970, here
@click.option("--plain", is_flag=True, help="Try no faster mode of a GPU.")
def main(
    name: tuple[str, ...],
    data: str,
    device: str,
    folder: tuple[Path, ...],
    files: tuple[Path, ...],
    storage: str,
    kept_at: str | None,
    weights_in_db: float,
    checkpoint_every: float,
    lease_seconds: float,
    db_patience: float,
    wait_for_db: float,
    threads: int,
    launcher: int | None,
    speculate: str,
    idle_exit: float,
    ends_at: float,
    plain: bool,
    **options: Any,
) -> None:
    """Work on the stored studies NAME until they are answered."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    leaving = Leaving(launcher, ends_at)
    torch.set_num_threads(threads)
    store = Store.connect(storage, ttl=lease_seconds, wait=wait_for_db, patience=db_patience)
    host, pid = socket.gethostname(), os.getpid()
    studies = [_stored(store, each) for each in name]
    ids = [f"{host}-{pid}-{uuid.uuid4().hex[:6]}" for _ in studies]
    # With one study all of them are the same.
    leavings = [LeavingStudy(leaving) if len(studies) > 1 else leaving for _ in studies]

    def heed_all() -> None:
        for study, own in zip(studies, leavings, strict=True):
            heed(study, own)

    keeper = LeaseKeeper(store, ids[0], lease_seconds / RENEWALS_PER_LEASE, leaving, heed_all, also=ids[1:])
    place, own_files = torch.device(device), {digest_of(file): file for file in files}
    gauge, datasets, workers = gauge_of(place), {}, []
    for study, worker, own, kept_in in zip(studies, ids, leavings, folder, strict=True):
        cut = study.manifest.data_digest, geometry_of(study.definition.baseline), study.definition.test_fraction
        if cut not in datasets:
            datasets[cut] = dataset_of(study, data, source_options(**options)).to(place)
        dataset = datasets[cut]
        try:
            mode = PLAIN if plain else mode_of(study, dataset, place, own_files)
        except CaptureError as error:
            _begin_again(error)
        about = versions() | {"pixels": dataset.decoded_digest[:12], "owner": user()}
        store.register_worker(study.study_id, worker, host, pid, device, about)
        labels.keep(study, dataset, worker)
        if doubt := other_pixels(study, dataset, worker):
            log.warning("%s", doubt)
        at = Workplace(
            study=study,
            data=dataset,
            device=place,
            files=own_files,
            checkpoints=checkpoints_at(kept_at or kept_in, study.instance),
            keeper=keeper,
            checkpoint_seconds=checkpoint_every,
            leaving=own,
            mode={"threads": threads, **vars(mode)},
            gauge=gauge,
            nets=Nets(mode),
            speculates=speculate == "on",
            weights_in_db=round(weights_in_db * 2**20),
            idle_exit=idle_exit,
        )
        workers.append(Worker(at, worker))
        log.info("worker %s on %s joins %s", worker, device, study.name)
    unsound: CaptureError | None = None
    settle()
    try:
        serve(workers, leaving, idle_exit)
    except (TooManyFailures, StudyMissing) as error:
        raise UserError(str(error)) from error
    except CaptureError as error:
        unsound = error
    finally:
        keeper.close()
        with suppress(StorageError), store.patient_for(GOODBYE_SECONDS):
            for worker in ids:
                store.leave(worker)
        store.close()
    if leaving.interrupted:
        sys.exit(EXIT_INTERRUPTED)
    if leaving.out_of_time:
        sys.exit(EXIT_TIME)
    if unsound:
        _begin_again(unsound)


def _stored(store: Store, name: str) -> Study:
    manifest = store.manifest(name)
    if manifest is None:
        raise UserError(f"no study is called {name!r} in {store.url_without_secret}; start it with search.launch")
    return Study.of(store, manifest)


def _begin_again(error: CaptureError) -> NoReturn:
    """This process becomes a new worker in the plain mode: CUDA would not be sound after a capture that failed."""
    log.warning("%s: the worker begins again in the plain mode", error)
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "search.work", *sys.argv[1:], "--plain"])


def mode_of(study: Study, data: Dataset, device: torch.device, files: Files) -> Mode:
    """The fastest mode of this device for the study's baseline; what was tried is in the log."""
    definition = study.definition
    mode, tried = fastest(
        definition.baseline, data, device, files, ahead=images_ahead(definition, len(data.development))
    )
    for each in tried:
        speed = f"{each.images_per_second:,.0f} images/s" if each.images_per_second else f"passed over: {each.why}"
        log.info("mode %s: %s", each.mode.label, speed)
    return mode


def images_ahead(definition: StudyDefinition, development: int) -> int:
    """How many images a study trains on at most, of a development part of so many."""
    baseline, runs = definition.baseline, sum(planned_runs(definition).values())
    return runs * baseline.epochs * min(development, baseline.epoch_images or development)


if __name__ == "__main__":
    run(main)

"""All points of a measurement on one server, from the fewest past trials and workers to the most."""

import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from benchmarks.chaos.run import create
from benchmarks.fleet.measured import Measured, Point, measure
from benchmarks.fleet.past import definition, fill
from benchmarks.fleet.servers import Pooler, Server
from benchmarks.fleet.sleepers import Job, Sleepers
from benchmarks.report import header
from search.machine import cores
from storage.store import Store

EPOCHS_OF_A_TRIAL = 2.5  # at least, in the mean: most are pruned after the second
START_SECONDS = 60.0
WHOLE = 10**9  # the whole past in the screen that is worked on


def points(workers: Sequence[int], past: Sequence[int], ways: str, epoch_seconds: float) -> list[Point]:
    pooled = {"direct": [False], "pooled": [True], "both": [False, True]}[ways]
    if not Pooler.installed() and True in pooled:
        print("PgBouncer is not installed (Debian: apt install pgbouncer): direct connections only", file=sys.stderr)
        pooled = [False]
    return [Point(w, p, way, epoch_seconds) for p, w, way in product(sorted(past), sorted(workers), pooled)]


def about(epoch_seconds: float, seconds: float) -> str:
    """What the rows are to be read with."""
    how = f"Epochs of {epoch_seconds:g} s, pruning on, {seconds:g} s at each point."
    return f"{header('cpu', cores())}\n{how}"


def studies_measured(points: Sequence[Point], seconds: float, folder: Path, screen: int = WHOLE) -> Iterator[Measured]:
    """Every point in turn. Those with the same past are measured on one study, one after the other. At most `screen`
    trials of the past are of that study; the others are of studies beside it in the same database.
    """
    server = Server()
    pooler = Pooler(server) if any(point.pooled for point in points) else None
    try:
        if pooler:
            pooler.wait()
        made: set[str] = set()
        for number, point in enumerate(points):
            # One that begins with nothing begins anew at each point.
            alike = [each for each in points if each.past == point.past] if point.past else [point]
            name = f"past-{point.past}" if point.past else f"new-{number}"
            if name not in made:
                made.add(name)
                store, cells = Store.connect(server.url), sum(_entered(each, seconds) for each in alike)
                here = min(point.past, screen)
                for other, trials in enumerate(_parts(point.past - here, screen)):
                    fill(store, create(store, f"{name}-beside-{other}", definition(trials)), trials, _say)
                fill(store, create(store, name, definition(here + cells)), here, _say)
                store.close()
            home = folder / str(number)
            home.mkdir()
            url = pooler.url if pooler and point.pooled else server.url
            crew = Sleepers(Job(url, name, home, point.epoch_seconds), point.workers)
            yield measure(point, crew, server, pooler if point.pooled else None, seconds)
    finally:
        if pooler:
            pooler.close()
        server.close()


def _parts(trials: int, most: int) -> Iterator[int]:
    for first in range(0, trials, most):
        yield min(most, trials - first)


def _entered(point: Point, seconds: float) -> int:
    """Cells that its workers enter at most."""
    return 50 + round(point.workers * (seconds + START_SECONDS) / (EPOCHS_OF_A_TRIAL * point.epoch_seconds))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

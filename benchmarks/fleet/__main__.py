"""`python -m benchmarks.fleet`: W workers on one PostgreSQL, direct and through PgBouncer, on studies with a past.

The workers are those of `search.work` with one exception: they sleep for an epoch instead of training it. Prints a row
for each point. Exit code 1 when what is promised does not hold at one.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 32, 100])
    parser.add_argument("--past", type=int, nargs="+", default=[0, 1000, 10_000], help="ended trials in the database")
    parser.add_argument("--screen", type=int, default=300, help="of these in the screen that is worked on, at most")
    parser.add_argument("--ways", choices=["direct", "pooled", "both"], default="both")
    parser.add_argument("--epoch", type=float, default=5.0, help="seconds that an epoch takes")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument("--keep", type=Path, help="folder for the notes and logs of the workers (default: none)")
    parser.add_argument("--quick", action="store_true", help="one small point each way: whether it works")
    given = parser.parse_args()
    if given.quick:
        given.workers, given.past, given.epoch, given.seconds = [2], [30], 0.2, 2.0

    from benchmarks.fleet.measured import HEADER, misses, row  # here, for every worker imports this module
    from benchmarks.fleet.run import about, points, studies_measured

    kept = points(given.workers, given.past, given.ways, given.epoch)
    print(about(given.epoch, given.seconds), flush=True)
    print(f"\n{HEADER}", flush=True)
    failed = 0
    home = contextlib.nullcontext(given.keep) if given.keep else tempfile.TemporaryDirectory(prefix="ceteris-fleet-")
    with home as folder:
        for found in studies_measured(kept, given.seconds, Path(folder), given.screen):
            print(row(found), flush=True)
            for miss in misses(found):
                failed += 1
                print(f"missed at {found.point.workers} workers: {miss}", file=sys.stderr, flush=True)
    sys.exit(1 if failed and not given.quick else 0)


if __name__ == "__main__":
    main()

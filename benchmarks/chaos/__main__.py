"""`python -m benchmarks.chaos`: real workers on one study while they, the database and the disks are struck.

Prints what was struck and every check. Exit code 1 when one does not hold.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

KINDS = "sleeping", "training", "outage"
TRIALS_BETWEEN = 9  # of real ones: a worker lives for five or more, however fast the machine
PRUNING = {"on": (True,), "off": (False,), "both": (True, False)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--trials", type=int, default=300, help="in the first screen, at least")
    parser.add_argument("--workers", type=int, help="default: 8 that sleep, or 3 that train")
    parser.add_argument(
        "--every", type=float, default=0.7, help="seconds between two faults; and 9 ended trials in training"
    )
    parser.add_argument("--epoch-seconds", type=float, default=0.1, help="of the sleeping study")
    parser.add_argument("--pruning", choices=["on", "off", "both"], default="both", help="of the sleeping study")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="an empty one, to keep the logs of the workers in")
    given = parser.parse_args()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("terminated")
    )  # not without unmounting and stopping what it began

    from benchmarks.chaos.outages import go_and_come
    from benchmarks.chaos.run import Plan, strike_and_check  # here, for every worker imports this module

    kinds = KINDS if given.kind == "all" else [given.kind]
    databases = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    failed = 0
    for kind in kinds:
        for database in databases:
            if kind == "outage":
                with tempfile.TemporaryDirectory(prefix="ceteris-chaos-") as temporary:
                    failed += not go_and_come(database, (given.folder or Path(temporary)) / f"outage-{database}", print)
                continue
            for pruning in (True,) if kind == "training" else PRUNING[given.pruning]:
                with tempfile.TemporaryDirectory(prefix="ceteris-chaos-") as temporary:
                    training = kind == "training"
                    name = f"{kind}-{database}-{'on' if pruning else 'off'}"
                    folder = given.folder / name if given.folder else Path(temporary)
                    folder.mkdir(parents=True, exist_ok=True)
                    plan = Plan(
                        kind=kind,
                        database=database,
                        trials=given.trials,
                        workers=given.workers or (3 if training else 8),
                        every=given.every,
                        seed=given.seed,
                        between=TRIALS_BETWEEN if training else 0,
                        pruning=pruning,
                        checkpoint_seconds=0.0,
                        epoch_seconds=given.epoch_seconds,
                    )
                    failed += not strike_and_check(plan, folder, print)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

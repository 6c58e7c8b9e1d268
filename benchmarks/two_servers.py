"""`python -m benchmarks.two_servers`: "join from a second server" followed to the letter, and its answer checked.

Two fresh clones of what is committed, on two servers: network namespaces with a cable between them, each with a host
name of its own. The first starts a PostgreSQL and a study as docs/several_servers.md says; the second does what the
first one printed. Then one server alone answers the same study, and everything is compared. Linux, as root. Exit code
1 when a check does not hold.
"""

import argparse
import contextlib
import json
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.pair_of_servers import NAMES, Server, open_door, servers

LONGEST = 900.0  # seconds that anything may take
# Every part of a study in a minute. Without rungs nothing is pruned: which trials are depends on who arrives when.
SETTINGS = [
    *("baseline.image_size=8", "baseline.precision=fp32", "baseline.epochs=4", "baseline.decay_epochs=1"),
    *("baseline.lr=0.004", "budgets.rungs=[]", "budgets.pilot=2", "budgets.finals=2", "budgets.finalists=1"),
    *("budgets.claims=3", "budgets.confirm=2"),
]
STUDY = ["--trials", "4", "--speculate", "off", "--workers", "1", *(w for s in SETTINGS for w in ("--set", s))]
SERVE = {
    "network": ["-m", "storage.serve", "--listen", "0.0.0.0", "--open", "--detach"],
    "ssh": ["-m", "storage.serve", "--detach"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=SERVE, default="network", help="how the second one reaches the database")
    parser.add_argument("--data", choices=["digits", "faces"], default="digits")
    parser.add_argument("--keep", type=Path, help="a new folder for everything, which stays")
    parser.add_argument("--rows", nargs=2, metavar=("URL", "NAME"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rows:
        print(json.dumps(rows(*given.rows)))
        return
    place = given.keep or Path(tempfile.mkdtemp(prefix="ceteris-two-", dir="/tmp"))
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)  # PostgreSQL does not run as root: another account has to come in
    try:
        with servers(place) as (first, second):
            run = Followed(first, second, given.way, given.data, place)
            checks = [*run.together(), *run.alone()]
    finally:
        if not given.keep:
            shutil.rmtree(place, ignore_errors=True)
    for name, found, holds in checks:
        print(f"{'holds ' if holds else 'BROKEN'}  {name}: {found}")
    sys.exit(0 if all(holds for *_, holds in checks) else 1)


Check = tuple[str, str, bool]


class Followed:
    """The page, followed on two servers, and then by one of them alone."""

    def __init__(self, first: Server, second: Server, way: str, data: str, place: Path) -> None:
        self.first, self.second, self.way, self.place = first, second, way, place
        self.name = "lr_aug" if data == "digits" else f"lr_aug-{data}"
        self.asked = ["--data", data, *STUDY]
        self.found: dict[str, Any] = {}

    def together(self) -> list[Check]:
        said = self.first.say(*SERVE[self.way])
        print(said, flush=True)
        told = lines_to_type(said)
        try:
            with open_door(self.first) if self.way == "ssh" else contextlib.nullcontext():
                return self._study(told)
        finally:
            print(self.first.say("-m", "storage.serve", "--stop"), flush=True)

    def _study(self, told: dict[str, str]) -> list[Check]:
        first, second = self.first, self.second
        here, there = (shlex.split(told[key].replace("you@", "root@"))[1:] for key in ("here", "there"))
        way_in = [word for key in ("--via", "--storage") if key in there for word in there[there.index(key) :][:2]]
        log = self.place / "gpu1.log"
        launches = [first.start([*here, *self.asked], log)]
        wait_for(log, "at most", launches[0])
        passed = second.home / Path(told["copy"]).name
        shutil.copy(told["copy"], passed)  # scp, between servers
        passed.chmod(0o600)
        launches.append(second.start([*there, *self.asked], self.place / "gpu2.log"))
        both, seen, end = "", set[str](), time.monotonic() + LONGEST
        while any(launch.poll() is None for launch in launches) and time.monotonic() < end:
            if len(seen) < 2:
                status = second.say("-m", "search.status", *way_in)
                seen |= {name for name in NAMES if f"worker on {name} " in status}
                both = both or (status if all(f"worker on {name} " in status for name in NAMES) else "")
            time.sleep(1)
        print(both, flush=True)
        codes = [launch.wait(10) for launch in launches]
        url = here[here.index("--storage") + 1]
        self.found = json.loads(first.say("-m", "benchmarks.two_servers", "--rows", url, self.name))
        attempts = json.loads(first.say("-m", "search.status", "--json", "--storage", url))["attempts"]
        trials = {name: len({(a["phase"], a["number"]) for a in attempts if a["host"] == name}) for name in NAMES}
        answers = [next(s.home.glob("runs/*/answer.txt")).read_text(encoding="utf-8") for s in (first, second)]
        return [
            ("both launches end with the answer", f"exit codes {codes}", codes == [0, 0]),
            ("both servers trained", f"trials {trials}", min(trials.values()) > 0),
            ("one status shows both at work", "yes" if both else f"it showed {sorted(seen)}", bool(both)),
            ("both keep the same answer", "answer.txt", answers[0] == answers[1]),
        ]

    def alone(self) -> list[Check]:
        """The same study on SQLite by the first server, in a clone that knows nothing of the other study."""
        alone = Server(NAMES[0], self.place / "alone")
        shutil.copytree(self.first.home, alone.home, ignore=shutil.ignore_patterns("runs"))
        launch = alone.start(["-m", "search.launch", "--study", "lr_aug", *self.asked], self.place / "alone.log")
        code = launch.wait(LONGEST)
        url = f"sqlite:///{alone.home}/runs/ceteris.db"
        single = json.loads(alone.say("-m", "benchmarks.two_servers", "--rows", url, self.name))
        checks = [("one server alone answers", f"exit code {code}", code == 0)]
        for part, one in single.items():
            count = (
                f"{len(one)} runs, {sum(len(run['curve']) for run in one.values())} epochs" if part == "runs" else ""
            )
            checks.append((f"{part} equal those of one server", count or "to the bit", self.found[part] == one))
        (self.place / "rows.json").write_text(json.dumps([self.found, single], indent=1), encoding="utf-8")
        return checks


def rows(url: str, name: str) -> dict[str, Any]:
    """Everything about a study that must not depend on who trained it: runs with their curves, verdicts, headline."""
    from search.snapshot import take
    from search.status_text import as_document
    from search.study import Study
    from storage.store import Store

    store = Store.read_only(url)
    manifest = store.manifest(name)
    assert manifest is not None
    study, runs = Study.of(store, manifest), {}
    for row in store.runs(study.study_id):
        runs[f"{row.phase} {row.label} {row.signature} r{row.replicate}"] = {
            "ended": [row.state, row.stop, row.best_score, row.last_score, row.test_score],
            "recipe": json.loads(row.recipe),
            "curve": [[e.score, e.train_loss, e.val_loss, e.lr] for e in store.epochs(row.trial_id)],
        }
    document = as_document(take(study))
    stages = [
        {key: stage[key] for key in ("stage", "winner", "outcome", "claim")}
        | {"contenders": stage["evidence"]["contenders"]}
        for stage in document["stages"]
    ]
    return {"runs": runs, "rules": document["rules"], "stages": stages, "headline": document["headline"]}


def lines_to_type(said: str) -> dict[str, str]:
    """What `storage.serve` tells to type: here, and on another server after a file was copied there."""
    told: dict[str, str] = {}
    for line in said.splitlines():
        if line.startswith("here "):
            told["here"] = line.removeprefix("here").strip()
        elif line.startswith("another server "):
            told["copy"] = line.split("copy ", 1)[1].split(" there,")[0]
        elif line.startswith("      "):
            told["there"] = line.strip()
    return told


def wait_for(log: Path, word: str, process: Any) -> None:
    end = time.monotonic() + LONGEST
    while word not in (said := log.read_text(encoding="utf-8")):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{log.name} never said {word!r}:\n{said}")
        time.sleep(0.2)


if __name__ == "__main__":
    main()

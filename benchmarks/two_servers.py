"""`python -m benchmarks.two_servers`: "join from a second server" followed to the letter, and its answer checked.

Two fresh clones on two servers: network namespaces of their own with a cable between them, and names of their own.
The first starts a PostgreSQL as docs/join.md says and launches a study; the second does what the first one printed.
Then one server alone answers the same study. Root on Linux. Exit code 1 when a check does not hold.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
NAMES = "gpu1", "gpu2"
ADDRESSES = "10.231.77.1", "10.231.77.2"
LONGEST = 900.0  # seconds that anything may take
# Every part of a study in a minute. Without rungs nothing is pruned: which trials are depends on who arrives when.
SETTINGS = [
    *("baseline.image_size=8", "baseline.precision=fp32", "baseline.epochs=4", "baseline.decay_epochs=1"),
    *("baseline.lr=0.004", "budgets.rungs=[]", "budgets.pilot=2", "budgets.finals=2", "budgets.finalists=1"),
    *("budgets.claims=3", "budgets.confirm=2"),
]
STUDY = ["--trials", "4", "--speculate", "off", "--workers", "1", *(w for s in SETTINGS for w in ("--set", s))]


@dataclass(frozen=True)
class Server:
    """A namespace with a name and a clone of this repository in `home`."""

    name: str
    home: Path

    def line(self, *words: str) -> list[str]:
        inside = 'hostname "$0" && exec "$@"'
        return ["ip", "netns", "exec", self.netns, "unshare", "--uts", "sh", "-c", inside, self.name, *words]

    @property
    def netns(self) -> str:
        return f"ceteris-{self.name}"

    def start(self, words: list[str], log: Path) -> "subprocess.Popen[bytes]":
        print(f"{self.name}$ python {' '.join(words)}"[:160], flush=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CETERIS_", "PG", "PYTHONPATH"))}
        environment = {
            **kept,
            "OMP_NUM_THREADS": "1",
            "CETERIS_CACHE": str(self.home.with_name("cache")),
            "PYTHONUNBUFFERED": "1",
        }
        with log.open("ab") as stream:
            return subprocess.Popen(
                self.line(sys.executable, *words), cwd=self.home, env=environment, stdout=stream, stderr=stream
            )

    def say(self, *words: str) -> str:
        """What a command of the clone prints; it must succeed."""
        done = subprocess.run(self.line(sys.executable, *words), cwd=self.home, capture_output=True, encoding="utf-8")
        if done.returncode:
            raise SystemExit(f"{self.name}$ python {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout


@contextlib.contextmanager
def servers(place: Path) -> Iterator[list[Server]]:
    """Two servers that reach each other by name, and nobody else; gone afterwards."""
    found = [Server(name, place / name) for name in NAMES]
    try:
        for server in found:
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", HOME.as_uri(), server.home], check=True)
            _ip("netns", "add", server.netns)
            hosts = Path("/etc/netns", server.netns, "hosts")  # what `ip netns exec` shows as /etc/hosts
            hosts.parent.mkdir(parents=True)
            lines = (f"{address} {name}\n" for address, name in zip(ADDRESSES, NAMES, strict=True))
            hosts.write_text("127.0.0.1 localhost\n" + "".join(lines), encoding="utf-8")
        _ip("link", "add", "ct0", "netns", found[0].netns, "type", "veth", "peer", "ct0", "netns", found[1].netns)
        for server, address in zip(found, ADDRESSES, strict=True):
            _ip("-n", server.netns, "addr", "add", f"{address}/24", "dev", "ct0")
            for device in ("lo", "ct0"):
                _ip("-n", server.netns, "link", "set", device, "up")
        yield found
    finally:
        for server in found:
            subprocess.run(["ip", "netns", "del", server.netns], check=False)
            shutil.rmtree(Path("/etc/netns", server.netns), ignore_errors=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def wait_for(log: Path, word: str, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + LONGEST
    while word not in (said := log.read_text(encoding="utf-8")):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{log.name} never said {word!r}:\n{said}")
        time.sleep(0.2)
    return said


@contextlib.contextmanager
def database(first: Server, log: Path) -> Iterator[dict[str, str]]:
    """`storage.serve` as documented; what it tells to type: here, another server, only reading."""
    process = first.start(["-m", "storage.serve", "--listen", "0.0.0.0", "--open"], log)
    try:
        said = wait_for(log, "Ctrl-C stops it", process)
        print(said, end="", flush=True)
        yield _told(said)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _told(said: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for line in said.splitlines():
        if line.startswith("here "):
            told["here"] = line[5:].strip()
        elif line.startswith("another server "):
            told["copy"] = line.split("copy ", 1)[1].split(" there,")[0]
        elif line.startswith("      "):
            told["there"] = line.strip()
    return told


def rows(url: str, name: str) -> dict[str, Any]:
    """Everything about a study that must not depend on who trained it: runs with their curves, verdicts, headline."""
    from search.snapshot import take
    from search.status_text import as_document
    from search.study import Study
    from storage.store import Store

    store = Store.read_only(url)
    manifest = store.manifest(name)
    assert manifest is not None
    study = Study.of(store, manifest)
    runs = {}
    for row in store.runs(study.study_id):
        curve = [(epoch.score, epoch.train_loss, epoch.val_loss) for epoch in store.epochs(row.trial_id)]
        key = f"{row.phase} {row.label} {row.signature[:12]} r{row.replicate}"
        runs[key] = [row.state, row.stop, row.best_score, row.last_score, row.test_score, json.loads(row.recipe), curve]
    document = as_document(take(study))
    stages = [
        {key: stage[key] for key in ("stage", "winner", "outcome", "claim")}
        | {"contenders": stage["evidence"]["contenders"]}
        for stage in document["stages"]
    ]
    return {"runs": runs, "rules": document["rules"], "stages": stages, "headline": document["headline"]}


def together(first: Server, second: Server, data: str, place: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The study on both servers: its rows, and what `status` said of workers that were seen at work."""
    with database(first, place / "serve.log") as told:
        ask = ["--data", data, *STUDY]
        launches = [first.start([*_words(told["here"]), *ask], place / "gpu1.log")]
        wait_for(place / "gpu1.log", "at most", launches[0])
        passed = second.home / Path(told["copy"]).name
        shutil.copy(told["copy"], passed)  # scp, between servers
        passed.chmod(0o600)
        launches.append(second.start([*_words(told["there"]), *ask], place / "gpu2.log"))
        url = told["there"].rsplit('"', 2)[1]
        seen: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + LONGEST
        while any(launch.poll() is None for launch in launches) and time.monotonic() < end:
            with contextlib.suppress(SystemExit):
                status = json.loads(second.say("-m", "search.status", "--json", "--storage", url))
                seen |= {worker["host"]: worker for worker in status["workers"] if worker["at_work"]}
                if (
                    len({worker["host"] for worker in status["workers"] if worker["at_work"]}) == 2
                    and "both" not in seen
                ):
                    seen["both"] = {}
                    print(second.say("-m", "search.status", "--storage", url), flush=True)
            time.sleep(2)
        codes = [launch.wait(10) for launch in launches]
        check("both launches end with the answer", codes == [0, 0], f"exit codes {codes}")
        name = "lr_aug" if data == "digits" else f"lr_aug-{data}"
        found = json.loads(second.say("-m", "benchmarks.two_servers", "--rows", url, name))
        attempts = json.loads(first.say("-m", "search.status", "--json", "--storage", told["here"].rsplit('"', 2)[1]))
        return found, attempts["attempts"] + [{"host": host, "seen": True} for host in seen]


def _words(line: str) -> list[str]:
    import shlex

    return shlex.split(line)[1:]


FAILED: list[str] = []


def check(name: str, holds: bool, found: str) -> None:
    print(f"{'holds' if holds else 'BROKEN'}  {name}: {found}", flush=True)
    if not holds:
        FAILED.append(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", help="digits or faces")
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
        compare(place, given.data)
    finally:
        if not given.keep:
            shutil.rmtree(place, ignore_errors=True)
    sys.exit(1 if FAILED else 0)


def compare(place: Path, data: str) -> None:
    with servers(place) as (first, second):
        found, attempts = together(first, second, data, place)
        by = {
            host: len({(a["phase"], a["number"]) for a in attempts if a["host"] == host and "phase" in a})
            for host in NAMES
        }
        check(
            "both servers trained",
            min(by.values()) > 0,
            ", ".join(f"{name} {count} trials" for name, count in by.items()),
        )
        shown = {a["host"] for a in attempts if a.get("seen")} & set(NAMES)
        check("status shows both at work", shown == set(NAMES), " and ".join(sorted(shown)))
        answers = [
            file.read_text(encoding="utf-8") for s in (first, second) for file in s.home.glob("runs/*/answer.txt")
        ]
        check(
            "both servers keep the same answer", len(answers) == 2 and answers[0] == answers[1], f"{len(answers)} files"
        )
        alone = Server(NAMES[0], place / "alone")
        shutil.copytree(first.home, alone.home, ignore=shutil.ignore_patterns("runs"))
        launch = alone.start(["-m", "search.launch", "--study", "lr_aug", "--data", data, *STUDY], place / "alone.log")
        check("one server alone answers", launch.wait(LONGEST) == 0, f"exit code {launch.returncode}")
        name = "lr_aug" if data == "digits" else f"lr_aug-{data}"
        single = json.loads(
            alone.say("-m", "benchmarks.two_servers", "--rows", f"sqlite:///{alone.home}/runs/ceteris.db", name)
        )
        for part in found:
            same = found[part] == single[part]
            count = (
                f"{len(found[part])} runs, {sum(len(run[-1]) for run in found[part].values())} epochs"
                if part == "runs"
                else ""
            )
            check(f"{part} equal those of one server", same, count or ("equal" if same else "different"))
            if not same:
                (place / f"{part}.json").write_text(json.dumps([found[part], single[part]], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

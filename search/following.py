"""Follows a study's rows and tells wandb of every attempt that is made on this host."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search.study import Study
from search.wandb_runs import AttemptRuns, Sheet, WandbRuns
from storage.attempts import AttemptRow
from storage.rows import RunRow

ENDED = ("COMPLETE", "PRUNED", "FAIL")


class Ledger:
    """Which attempts have been begun and ended here, in a text file: a tracker that comes after another goes by it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
        self._begun = Counter(line.removeprefix("begun ") for line in lines if line.startswith("begun "))
        self._ended = {line.removeprefix("ended ") for line in lines if line.startswith("ended ")}

    def ended(self, key: str) -> bool:
        return key in self._ended

    def begun(self, key: str) -> int:
        """How often: every time under another name, for a run that was left cannot be gone on with offline."""
        return self._begun[key]

    def begin(self, key: str) -> None:
        self._begun[key] += 1
        self._write(f"begun {key}")

    def end(self, key: str) -> None:
        self._ended.add(key)
        self._write(f"ended {key}")

    def _write(self, line: str) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


class Follower:
    """`look` reads the study's rows and logs what is new; `leave` closes what is open."""

    def __init__(self, study: Study, host: str, runs: WandbRuns, ledger: Ledger) -> None:
        self._study, self._host, self._runs, self._ledger = study, host, runs, ledger
        self._open: dict[tuple[int, int], AttemptRuns] = {}

    def look(self) -> None:
        store, study_id = self._study.store, self._study.study_id
        rows = store.runs(study_id)  # before the attempts: those of a run that has ended are all there then
        tries: dict[int, list[AttemptRow]] = defaultdict(list)
        for attempt in store.attempts(study_id):
            tries[attempt.trial_id].append(attempt)
        workers = {worker.worker_id: worker.pid for worker in store.workers(study_id)}
        for row in rows:
            if not row.reused and row.trial_id in tries:
                self._follow(row, sorted(tries[row.trial_id], key=lambda each: each.token), workers)

    def leave(self) -> None:
        """Attempts that go on without being followed: what there is of them is kept."""
        for runs in self._open.values():
            self._close(runs, {"stop": "left"}, "left")
        self._open.clear()

    def _follow(self, row: RunRow, tries: Sequence[AttemptRow], workers: Mapping[str, int]) -> None:
        *earlier, latest = tries
        for each in earlier:
            if (mine := self._open.pop((each.trial_id, each.token), None)) is not None:
                newer = self.key(latest)
                self._close(mine, {"stop": "superseded", "superseded_by": newer}, "superseded")
                self._ledger.end(self.key(each))
        at, key = (latest.trial_id, latest.token), self.key(latest)
        if latest.host != self._host or self._ledger.ended(key):
            return
        ended = row.state in ENDED
        epochs = self._study.store.epochs(row.trial_id, None if ended else latest.token)
        if at not in self._open:
            if not epochs and not ended:
                return
            times = self._ledger.begun(key)
            before = earlier[-1] if earlier else None
            replaces = _named(key, times - 1) if times else self.key(before) if before else None
            self._ledger.begin(key)
            if replaces and (times or not self._ledger.ended(replaces)):
                self._runs.supersede(replaces)
            process = None if ended else workers.get(latest.worker)
            self._open[at] = self._runs.begin(self._sheet(row, latest, _named(key, times), replaces, process))
        self._open[at].log(epochs)
        if ended:
            self._close(self._open.pop(at), summary_of(row), row.stop or "failed")
            self._ledger.end(key)

    def _close(self, runs: AttemptRuns, summary: Mapping[str, Any], *tags: str) -> None:
        try:
            runs.end(summary, *tags)
        except TimeoutError as error:
            self._runs.go_offline(error)

    def key(self, attempt: AttemptRow) -> str:
        """The name of an attempt: of its study (as made then and there), its trial and its token."""
        return f"{self._study.instance}-{attempt.trial_id}-{attempt.token}"

    def _sheet(self, row: RunRow, attempt: AttemptRow, key: str, replaces: str | None, process: int | None) -> Sheet:
        study, (stage, _, part) = self._study, row.phase.partition("/")
        return Sheet(
            key=key,
            name=f"{row.phase} #{row.number} {row.label}",
            group=f"{study.name}/{stage}",
            tags=(study.name, stage, part or ("screen" if stage[0].isdigit() else ""), row.role),
            config=config_of(study, row, attempt) | ({"supersedes": replaces} if replaces else {}),
            process=process,
        )


def config_of(study: Study, row: RunRow, attempt: AttemptRow) -> dict[str, Any]:
    """The recipe, flat, as it is signed, and what else decides or describes the run."""
    return {
        **flat(json.loads(row.recipe)),
        "study": study.name,
        "phase": row.phase,
        "number": row.number,
        "role": row.role,
        "label": row.label,
        "replicate": row.replicate,
        "signature": row.signature,
        "data": study.resolved.data.name,
        "data_digest": study.manifest.data_digest,
        "trial": row.trial_id,
        "token": attempt.token,
        "host": attempt.host,
        "device": attempt.device,
    }


def summary_of(row: RunRow) -> dict[str, Any]:
    names = ("best_score", "best_epoch", "last_score", "test_score", "stop", "reason", "epochs")
    return {name: getattr(row, name) for name in names}


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """`{"loss": {"kind": "focal", "gamma": 2}}` as `{"loss.kind": "focal", "loss.gamma": 2}`."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


def _named(key: str, times: int) -> str:
    return key if times == 0 else f"{key}-again{times}"

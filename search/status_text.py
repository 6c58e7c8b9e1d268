"""A snapshot as text, and as the JSON document that docs/status.md describes."""

import datetime
from typing import Any

from search.answer import answer_lines
from search.halted import told
from search.progress import clock, idle_words, setting
from search.sentences import verdict_sentence
from search.snapshot import Snapshot, StageLine
from search.work_done import WorkDone, attempt_document, pace, sentence, work_document
from storage.rows import WorkerRow

SCHEMA = 1


def as_lines(snapshot: Snapshot) -> list[str]:
    study = snapshot.study
    created = datetime.datetime.fromtimestamp(study.manifest.created_at).astimezone()
    lines = [
        f"{study.name} on {study.resolved.data.words}",
        f"created {created:%Y-%m-%d %H:%M} by {study.manifest.creator}",
        f"{len(snapshot.ended)} runs ended, at most {snapshot.remaining} to go",
        "",
        *answer_lines(snapshot),
    ]
    decided = [line for line in snapshot.stages if line.verdict]
    if decided:
        lines += ["", *(verdict_sentence(line) for line in decided)]
    openings = len(snapshot.study.store.test_openings(study.study_id))
    if openings:
        lines.append(f"test labels opened {openings} times, every opening on record")
    lines.append("")
    if worked := sentence(WorkDone.of(snapshot.attempts)):
        lines.append(worked)
    if snapshot.halt is not None:
        lines.append(f"{told(study, snapshot.halt)}; the launch line with --resume goes on")
    if snapshot.takeovers:
        lines.append(_takeovers(snapshot))
    lines += _worker_lines(snapshot) or ["no worker is at work"]
    return lines


def _worker_lines(snapshot: Snapshot) -> list[str]:
    alive, lines = snapshot.alive, []
    if len(alive) > 1:
        hosts, owners = {worker.host for worker in alive}, {worker.owner for worker in alive} - {""}
        by = f" by {', '.join(sorted(owners))}" if owners else ""
        lines.append(f"{len(alive)} workers at work on {len(hosts)} {'host' if len(hosts) == 1 else 'hosts'}{by}")
    for worker in alive:
        seen = f"seen {clock(max(0.0, snapshot.now - worker.last_seen))} ago"
        parts = [doing(snapshot, worker), pace(snapshot.attempts, worker.worker_id), seen]
        owner = f", {worker.owner}" if worker.owner else ""
        who = f"worker on {worker.host} (pid {worker.pid}, {worker.device}{owner})"
        lines.append(f"{who}: {'; '.join(part for part in parts if part)}")
    return lines


def _takeovers(snapshot: Snapshot) -> str:
    """Which runs lost a worker and went on with another one."""
    rows = snapshot.takeovers
    count = sum(row.attempt - 1 for row in rows)
    names = ", ".join(f"{row.phase} #{row.number}" for row in rows[:8]) + (", ..." if len(rows) > 8 else "")
    return f"{count} {'takeover' if count == 1 else 'takeovers'} from lost workers: {names}"


def doing(snapshot: Snapshot, worker: WorkerRow) -> str:
    row = next((row for row in snapshot.trained if row.state == "RUNNING" and row.worker == worker.worker_id), None)
    return f"{row.phase} #{row.number} {setting(row)}" if row else idle_words(worker)


def as_document(snapshot: Snapshot) -> dict[str, Any]:
    """Plain JSON values; keys are only ever added, and `schema` rises when a meaning changes."""
    study, headline, rules = snapshot.study, snapshot.headline, snapshot.rules
    trials = {row.trial_id: row for row in snapshot.trained}
    return {
        "schema": SCHEMA,
        "study": study.name,
        "definition": study.definition.name,
        "created_at": study.manifest.created_at,
        "data": study.resolved.data.model_dump(mode="json") | {"digest": study.manifest.data_digest},
        "answered": headline is not None,
        "quick": snapshot.depth == "quick",
        "hours": study.resolved.hours,
        "rules": rules.model_dump(mode="json") if rules else None,
        "stages": [_stage(line) for line in snapshot.stages],
        "headline": headline.model_dump(mode="json") if headline else None,
        "test": snapshot.test.model_dump(mode="json") if snapshot.test else None,
        "ablation": snapshot.ablation.model_dump(mode="json") if snapshot.ablation else None,
        "runs": {"ended": len(snapshot.ended), "remaining_at_most": snapshot.remaining},
        "running": [
            {"phase": row.phase, "number": row.number, "label": row.label, "epochs": row.epochs, "worker": row.worker}
            for row in snapshot.trained
            if row.state == "RUNNING"
        ],
        "stopped": vars(snapshot.halt) if snapshot.halt else None,
        "takeovers": [
            {"phase": row.phase, "number": row.number, "lost": row.attempt - 1} for row in snapshot.takeovers
        ],
        "workers": [
            {
                "worker": w.worker_id,
                "host": w.host,
                "owner": w.owner,
                "pid": w.pid,
                "device": w.device,
                "doing": w.doing,
                "seen_seconds_ago": round(snapshot.now - w.last_seen, 1),
                "at_work": w in snapshot.alive,
            }
            for w in snapshot.workers
        ],
        "work": work_document(snapshot.attempts),
        "attempts": [attempt_document(row, trials) for row in snapshot.attempts],
        "test_openings": [{"who": o.who, "why": o.why, "at": o.at} for o in study.store.test_openings(study.study_id)],
    }


def _stage(line: StageLine) -> dict[str, Any]:
    verdict = line.verdict
    return {
        "stage": line.name,
        "winner": verdict.value if verdict else None,
        "outcome": line.outcome or None,
        "evidence": verdict.evidence if verdict else None,
        "claim": line.claim.model_dump(mode="json") if line.claim else None,
        "trials": line.counts(),
        "screen": [
            {
                "number": row.number,
                "label": row.label,
                "params": dict(row.params),
                "state": row.state,
                "stop": row.stop,
                "reason": row.reason,
                "best_score": row.best_score,
                "epochs": row.epochs,
                "reused": row.reused,
            }
            for row in line.screen
        ],
    }

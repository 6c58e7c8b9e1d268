"""A snapshot as text, and as the JSON document that docs/status.md describes."""

import datetime
from typing import Any

from search.answer import answer_lines, verdict_sentence
from search.progress import clock, setting
from search.snapshot import Snapshot, StageLine
from search.work_done import WorkDone, attempt_document, pace, sentence, work_document

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
    lines += _worker_lines(snapshot) or ["no worker is at work"]
    return lines


def _worker_lines(snapshot: Snapshot) -> list[str]:
    lines = []
    for worker in snapshot.alive:
        seen = f"seen {clock(max(0.0, snapshot.now - worker.last_seen))} ago"
        told = [doing(snapshot, worker.worker_id), pace(snapshot.attempts, worker.worker_id), seen]
        who = f"worker on {worker.host} (pid {worker.pid}, {worker.device})"
        lines.append(f"{who}: {'; '.join(part for part in told if part)}")
    return lines


def doing(snapshot: Snapshot, worker: str) -> str:
    row = next((row for row in snapshot.trained if row.state == "RUNNING" and row.worker == worker), None)
    return f"{row.phase} #{row.number} {setting(row)}" if row else "waiting for work"


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
        "workers": [
            {
                "worker": w.worker_id,
                "host": w.host,
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

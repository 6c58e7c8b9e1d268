"""Reads the files of offline wandb runs: LevelDB's log format, whose records are wandb's own messages."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

RECORD: Any = vars(wandb_internal_pb2)["Record"]  # made at run time: no type checker knows it
BLOCK, FIRST = 32768, 7  # bytes of a block, of the file's own header


@dataclass
class OfflineRun:
    id: str = ""
    group: str = ""
    name: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, str] = field(default_factory=dict)
    system_metrics: int = 0
    ended: bool = False


def offline_runs(folder: Path) -> list[OfflineRun]:
    """Every run below `folder`, by id."""
    return sorted((_read(file) for file in folder.rglob("*.wandb")), key=lambda run: run.id)


def _read(file: Path) -> OfflineRun:
    run = OfflineRun()
    for record in _records(file.read_bytes()):
        match record.WhichOneof("record_type"):
            case "run":
                run.id, run.group, run.name = record.run.run_id, record.run.run_group, record.run.display_name
                run.kind, run.tags = record.run.job_type, tuple(record.run.tags)
                run.config |= _values(record.run.config.update)
            case "summary":
                run.summary |= _values(record.summary.update)
            case "history":
                run.history.append(_values(record.history.item))
            case "metric" if record.metric.step_metric:
                run.axes[record.metric.glob_name or record.metric.name] = record.metric.step_metric
            case "stats":
                run.system_metrics += 1
            case "exit":
                run.ended = True
            case _:
                pass
    return run


def _values(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(data: bytes) -> Iterator[Any]:
    at, part = FIRST, b""
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind == 0:
            return
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield RECORD.FromString(part)
            part = b""

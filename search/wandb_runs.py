"""What one attempt looks like in wandb: a run for training and one for validation, or one run for both.

Imports wandb; only the tracking process (`search.track`) imports this.
"""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import wandb

from search.tracking import in_short
from storage.rows import EpochRow

Layout = Literal["pair", "single"]
INIT_SECONDS, FINISH_SECONDS, FLUSH_SECONDS = 20.0, 8.0, 2.0
TAG_LENGTH = 64

PARTS: Mapping[str, Callable[[EpochRow], dict[str, float]]] = {
    "train": lambda row: {"loss": row.train_loss, "lr": row.lr, "seconds": row.seconds},
    "val": lambda row: {"loss": row.val_loss, "score": row.score},
}


@dataclass(frozen=True)
class Sheet:
    """What is said about an attempt: `key` names it, the rest is shown."""

    key: str
    name: str
    group: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    process: int | None = None
    """The worker that is training it now: its system metrics are recorded. None: it has ended already."""


class AttemptRuns:
    """Each epoch is logged once, at its own step, so that a repeated one is dropped and none interleave."""

    def __init__(self, runs: Mapping[str, Any], layout: Layout) -> None:
        self._runs, self._layout, self._last = runs, layout, 0
        for run in runs.values():
            for part in [f"{part}/" for part in PARTS] if layout == "single" else [""]:
                run.define_metric(f"{part}epoch")
                run.define_metric(f"{part}*", step_metric=f"{part}epoch")

    def log(self, epochs: Sequence[EpochRow]) -> None:
        for row in epochs:
            if row.epoch <= self._last:
                continue
            if self._layout == "pair":
                for part, run in self._runs.items():
                    run.log({"epoch": row.epoch, **PARTS[part](row)}, step=row.epoch, commit=True)
            else:
                told: dict[str, float] = {}
                for part, values in PARTS.items():
                    told |= {f"{part}/{name}": value for name, value in {"epoch": row.epoch, **values(row)}.items()}
                self._runs["both"].log(told, step=row.epoch, commit=True)
            self._last = row.epoch

    def end(self, summary: Mapping[str, Any], *tags: str) -> None:
        """Raises TimeoutError when the server does not take it all in time; it stays on disk."""
        late: TimeoutError | None = None
        for run in self._runs.values():
            run.summary.update({name: value for name, value in summary.items() if value is not None})
            run.tags = tags_of(*run.tags, *tags)
            try:
                run.finish()
            except TimeoutError as error:
                late = error
        if late:
            raise late


class WandbRuns:
    """Opens runs below `folder`/wandb. Online as long as the server answers, from its first failure on offline."""

    def __init__(self, folder: Path, online: bool, layout: Layout, project: str, tell: Callable[[str], None]) -> None:
        self._folder, self.online, self._project, self._tell = folder, online, project, tell
        self._layout: Layout = layout

    def begin(self, sheet: Sheet) -> AttemptRuns:
        parts = tuple(PARTS) if self._layout == "pair" else ("both",)
        return AttemptRuns({part: self.open(sheet, part, len(parts) > 1) for part in parts}, self._layout)

    def open(self, sheet: Sheet, part: str, apart: bool = True) -> Any:
        """One run of wandb."""
        if self.online:
            try:
                return self._open(sheet, part, apart, "online", "")
            except Exception as error:  # noqa: BLE001  (whatever it is, the runs can be kept here)
                self.go_offline(error)
        return self._open(sheet, part, apart, "offline", "-offline" if self._asked_online else "")

    _asked_online = False

    def supersede(self, key: str) -> None:
        """Tag the runs of an attempt that is followed elsewhere or by nobody, where the server lets us."""
        if not self.online:
            return
        with contextlib.suppress(Exception):
            api = wandb.Api(timeout=round(FINISH_SECONDS))
            for name in [f"{key}-{part}" for part in PARTS] if self._layout == "pair" else [key]:
                run: Any = api.run(f"{self._project}/{name}")
                run.tags = [*run.tags, "superseded"]
                run.update()

    def go_offline(self, error: BaseException) -> None:
        if self.online:
            self.online, self._asked_online = False, True
            self._tell(f"wandb: the server cannot be used ({in_short(error)}); from here on runs are kept offline")

    def _open(self, sheet: Sheet, part: str, apart: bool, mode: Literal["online", "offline"], ending: str) -> Any:
        watched = sheet.process is not None and part != "val"
        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            save_code=False,
            x_save_requirements=False,
            x_disable_stats=not watched,
            x_stats_pid=sheet.process or os.getpid(),
            init_timeout=float(os.environ.get("WANDB_INIT_TIMEOUT", INIT_SECONDS)),
            finish_timeout=FINISH_SECONDS,
            finish_timeout_raises=True,
            x_transaction_log_flush_interval=FLUSH_SECONDS,
            stop_fn=lambda: None,  # a run stopped in the browser is not a study stopped
        )
        return wandb.init(
            project=self._project,
            mode=mode,
            id=f"{sheet.key}-{part}{ending}" if apart else f"{sheet.key}{ending}",
            name=f"{sheet.name} {part}" if apart else sheet.name,
            group=sheet.group,
            job_type=part,
            tags=tags_of(*sheet.tags),
            config=dict(sheet.config),
            dir=str(self._folder),
            reinit="create_new",
            settings=settings,
        )


def tags_of(*words: str) -> tuple[str, ...]:
    """As wandb takes them: each once, not empty, at most 64 characters."""
    return tuple(dict.fromkeys(word[:TAG_LENGTH] for word in words if word))

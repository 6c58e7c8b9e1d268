"""A study that has a past: so many ended trials in its first screen, a third of them whole, the others pruned."""

import uuid
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from benchmarks.chaos.journal import SleepingRun
from search import phases, points
from search.phases import Phase, Planned
from search.study import Study
from spaces.domain import LogGrid, Options
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from spaces.stage import Factor, Stage
from spaces.study import StudyDefinition
from storage import fenced
from storage.entering import enter
from storage.grant import Asked
from storage.rows import CellKey, EpochRow, Lease, Proposal, Result
from storage.store import Store
from trainer.replicate import Replicate

BATCH_SIZES = 16, 32, 64, 128
AT_ONCE = 100  # trials in one transaction: written one by one they take minutes


def definition(cells: int) -> StudyDefinition:
    """A screen of at least so many cells: learning rates crossed with batch sizes."""
    step = 1000 ** (len(BATCH_SIZES) / cells)
    crossed = Factor(factor="batch_size", domain=Options(choices=BATCH_SIZES))
    stage = Stage(name="lr", factor="lr", domain=LogGrid(low=1e-4, high=1e-1, step=step), crossed=crossed)
    wanted = LR_AUG.model_copy(update={"stages": (stage,)})
    return override(wanted, ("baseline.image_size=8", "baseline.precision=fp32"))


def fill(store: Store, study: Study, count: int, say: Callable[[str], object] = print) -> Phase:
    """Write `count` ended trials with the statements that workers use, on SQLite many in one transaction."""
    store.measure_once(study.study_id, "rules", {"delta": 0.005, "noise": 0.01}, "filler")
    baseline = phases.with_plateau(study.definition, 0.005)
    screen = phases.screen(study.definition, study.definition.stages[0], baseline, baseline.lr)
    store.open_phase(study.study_id, screen.name, screen.allowed)
    space = points.distributions(screen)
    for first in range(0, count, AT_ONCE):
        runs = screen.runs[first : min(first + AT_ONCE, count)]
        store._database.write(lambda connection, runs=runs: _write(connection, study, screen, runs, space))
        if first % 2000 == 2000 - AT_ONCE:
            say(f"{first + AT_ONCE} of {count} trials written")
    return screen


def _write(connection: Connection, study: Study, screen: Phase, runs: Sequence[Planned], space: dict) -> None:
    for planned in runs:
        candidate = planned.candidate
        asked = Asked(study.study_id, screen.name, "filler", uuid.uuid4().hex, 30.0, lambda: 0.0)
        proposal = Proposal(
            cell=CellKey(*planned.cell),
            data_digest=study.manifest.data_digest,
            recipe=candidate.recipe.canonical(),
            role=candidate.role,
            label=candidate.label,
            params=points.params_of(planned, screen),
            distributions=space,
            attrs={"value": candidate.label, "role": candidate.role, "replicate": planned.replicate},
        )
        lease = enter(connection, asked, proposal, f"{study.name}/{screen.name}")
        fenced.finish(connection, lease, *_outcome(planned, lease), checkpoints=())


def _outcome(planned: Planned, lease: Lease) -> tuple[Result, list[EpochRow]]:
    run = SleepingRun(planned.candidate.recipe, Replicate.numbered(planned.replicate, 5), 0.0)
    whole = lease.number % 3 == 0
    rows = list(_epochs(run, 100 if whole else 2))
    best, last = max(rows, key=lambda row: row.score), rows[-1]
    stop, reason = ("finished", f"finished its {len(rows)} epochs") if whole else ("pruned", "behind at epoch 2")
    seconds = 1.0 * len(rows)
    return Result(stop, reason, best.score, best.epoch, last.score, best.score, len(rows), seconds), rows


def _epochs(run: SleepingRun, most: int) -> Iterator[EpochRow]:
    for epoch in run:
        yield EpochRow(epoch.number, epoch.phase, epoch.score, epoch.train_loss, epoch.val_loss, epoch.lr, 1.0)
        if epoch.number == most:
            return

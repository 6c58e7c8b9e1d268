"""One worker in one study: walks through its life and trains whatever is wanted and free, next to any number more."""

import logging
import time
import uuid
import zlib
from contextlib import suppress
from functools import partial

from search import claims, deadline, memory, walltime
from search.halted import heed
from search.life import life
from search.meter import Meter, measuring
from search.objective import train
from search.phases import Phase
from search.points import params_of
from search.progress import setting
from search.retention import collect, drop_weights, superfluous
from search.sampling import Draws, Remembered
from search.stopping import stop_screen
from search.study import Study
from search.turns import TooManyFailures, Turn, serve
from search.workplace import Workplace
from storage.errors import LeaseLost, StorageError
from storage.rows import CellKey, Lease, PhaseDone, Proposal, Result, Wait
from trainer.recipe import read_recipe
from trainer.replay import CaptureError

log = logging.getLogger("ceteris.worker")
FAILURES_IN_A_ROW = 3
HELP_SECONDS = 10.0  # between two looks for something to train ahead


class Worker:
    def __init__(self, at: Workplace, worker: str) -> None:
        self._at, self._worker = at, worker
        self._study, self._store = at.study, at.study.store
        self._failures, self._memory_failures, self._ended_well = 0, 0, False
        self._life = life(self._study, worker)
        self._phase: Phase | None = None
        self._remembered: tuple[Phase, Remembered] | None = None  # of the phase that it claimed of last
        self._among = 1  # cells out of which the first draw of a claim takes one
        self._looked_for_help = -HELP_SECONDS
        self._dropped: set[int] = set()
        self._ended: int | None = None  # the trial that ended well here last
        self._began_at = time.time()

    @property
    def study(self) -> Study:
        return self._study

    def carry(self) -> None:
        """Return when the study is answered or the worker has been asked to leave. Raises `TooManyFailures`."""
        serve([self], self._at.leaving, self._at.idle_exit)

    def turn(self) -> Wait | Turn:
        """Train one trial of what is wanted next; how long to wait where all of it is being trained by others."""
        while not self._leaves():
            phase = self._phase = self._phase or self._begun(next(self._life, None))
            if phase is None:
                collect(self._study, self._at.checkpoints, self._at.weights_in_db > 0)
                return "over"
            match got := self._claim(phase):
                case PhaseDone():
                    self._phase = None
                case Wait():
                    return got
                case Lease():
                    self._train(got, phase)
                    return "trained"
        return "over"

    def _begun(self, phase: Phase | None) -> Phase | None:
        if phase is not None:
            self._store.open_phase(self._study.study_id, phase.name, phase.allowed)
        return phase

    def _leaves(self) -> bool:
        heed(self._study, self._at.leaving)
        walltime.heed(self._study, self._at.leaving, self._began_at)
        return self._at.leaving.soon()

    def help(self) -> bool:
        """Whether a run was found, and trained, of the next common replicate of an earlier stage's finalists."""
        if not self._at.speculates or time.monotonic() - self._looked_for_help < HELP_SECONDS:
            return False
        for phase in claims.wanted(self._study):
            if (self._phase is None or phase.name != self._phase.name) and isinstance(got := self._claim(phase), Lease):
                self._train(got, phase)
                return True
        self._looked_for_help = time.monotonic()
        return False

    def _claim(self, phase: Phase) -> Lease | Wait | PhaseDone:
        if self._remembered is None or self._remembered[0] is not phase:
            self._remembered = phase, Remembered(phase)
        draws = Draws(phase, self._remembered[1], self._among)
        draw = partial(self._draw, phase, draws=draws)
        got = self._store.claim(self._study.study_id, phase.name, self._worker, uuid.uuid4().hex, draw)
        self._among = max(1, draws.among // 2)  # where many claim at once, they do so again at the next trial
        self._drop_weights(phase)
        return got

    def _drop_weights(self, phase: Phase) -> None:
        """Of runs that are seen to be superfluous, once each."""
        gone = superfluous(phase, self._store.seen_runs(self._study.study_id, phase.name))
        rows = [row for row in gone if row.trial_id not in self._dropped]
        drop_weights(self._study.name, rows, self._at.checkpoints)
        self._dropped.update(row.trial_id for row in rows)
        ended, self._ended = self._ended, None
        if self._at.weights_in_db and rows and ended is not None and ended not in {row.trial_id for row in gone}:
            self._store.drop_blobs([row.trial_id for row in rows], "weights")  # one has just lost its place to it

    def _draw(self, phase: Phase, taken: frozenset[CellKey], draws: Draws) -> Proposal | None:
        look = phase.kind == "screen" or draws.again
        rows = self._store.seen_runs(self._study.study_id, phase.name) if look else []
        if phase.kind == "screen" and stop_screen(self._study, phase, rows):
            return None
        if deadline.end_in_time(self._study, phase):
            return None
        # A function of the study and of what is taken: no luck of a worker's own decides what is tried.
        seed = zlib.crc32(f"{self._study.definition.seed}/{phase.name}/{len(taken)}".encode())
        planned = draws.next(rows, taken, seed)
        if planned is None:
            return None
        candidate = planned.candidate
        return Proposal(
            cell=CellKey(*planned.cell),
            data_digest=self._study.manifest.data_digest,
            recipe=candidate.recipe.canonical(),
            role=candidate.role,
            label=candidate.label,
            params=params_of(planned, phase),
            distributions=draws.space,
            attrs={"value": candidate.label, "role": candidate.role, "replicate": planned.replicate},
        )

    def _train(self, lease: Lease, phase: Phase) -> None:
        at = self._at
        began = time.monotonic()
        with measuring(str(at.device), at.mode, at.gauge) as meter:
            at.keeper.hold(lease, f"{lease.phase} #{lease.number} {lease.label}", meter.row, at.leaving)
            try:
                how = train(lease, phase, at, meter)
                log.info(
                    "%s #%d  %s: %s in %.1f s", lease.phase, lease.number, setting(lease), how, time.monotonic() - began
                )
                self._failures, self._ended_well, self._ended = 0, True, lease.trial_id
            except LeaseLost as error:
                log.warning("%s", error)
            except StorageError:
                raise
            except CaptureError:  # no fault of the trial's: another process goes on with it
                with suppress(LeaseLost):
                    self._store.release(lease)
                raise
            except Exception as error:
                log.exception("%s #%d  %s failed", lease.phase, lease.number, setting(lease))
                self._fail(lease, error, meter)
                memory.clear(error)
                at.nets.drop()
                at.gauge.free()
            finally:
                at.keeper.let_go()

    def _fail(self, lease: Lease, error: Exception, meter: Meter) -> None:
        """Record the trial's own error, and give up on this worker when it is one after the other.

        A worker that has not ended a single trial well suspects itself (a broken GPU, a missing file): it leaves the
        trial to others, who take it over when the lease has run out; the fifth loss fails it for good.

        Too little memory is the recipe's fault: the trial fails and the worker goes on, but for one that has never
        ended a trial in any other way.
        """
        attempt, no_memory = meter.row(), memory.out_of_memory(error)
        if no_memory:
            reason = memory.words(read_recipe(lease.recipe), self._at.device, attempt.peak_bytes)
        else:
            reason = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:400]}"
        if not (no_memory or self._ended_well):
            with suppress(LeaseLost):
                self._store.report(lease, (), attempt=attempt)
            raise TooManyFailures(f"the first trial here {reason}") from error
        with suppress(LeaseLost):
            result = Result("failed", reason, None, None, None, None, 0, attempt.seconds)
            self._store.finish(lease, result, attempt=attempt)
        if no_memory:
            self._memory_failures += 1
        else:
            self._failures += 1
        if self._memory_failures >= FAILURES_IN_A_ROW and not self._ended_well:
            raise TooManyFailures(f"the first {FAILURES_IN_A_ROW} trials here failed, the last: {reason}") from error
        if self._failures >= FAILURES_IN_A_ROW:
            raise TooManyFailures(f"{FAILURES_IN_A_ROW} trials in a row failed here, the last: {reason}") from error

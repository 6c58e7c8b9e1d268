"""A worker that serves several studies: it trains for the first listed one that has something to train."""

import logging
import time
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from search.leaving import Leaving
from search.study import Study
from storage.errors import StudyMissing
from storage.rows import Wait

log = logging.getLogger("ceteris.worker")
LONGEST_WAIT = 3.0

Turn: TypeAlias = Literal["trained", "over"]
"""`over`: the study is answered, or the worker is to leave it."""


class TooManyFailures(Exception):
    """Trials fail on this worker, one after the other or from the first: something is wrong here, not with a recipe."""


class Serving(Protocol):
    """A worker as one study sees it."""

    @property
    def study(self) -> Study: ...

    def turn(self) -> Wait | Turn:
        """Train one trial, or say how long to wait for one."""
        ...

    def help(self) -> bool:
        """Whether something was trained ahead, for there is nothing else to do."""
        ...


def serve(studies: Sequence[Serving], leaving: Leaving, idle_exit: float) -> None:
    """Go on until every study is answered or this worker is to leave. In each turn the first one that has something to
    train is served; runs that may be wanted later are trained only when none has.

    A study that fails here (its trials, one after the other, or somebody deleted it) is left alone; what was wrong is
    raised when the others are over: TooManyFailures, StudyMissing.
    """
    serving, failed, idle_since = list(studies), [], None

    def left_alone(each: Serving, error: TooManyFailures | StudyMissing) -> None:
        serving.remove(each)
        failed.append(_of(each.study, error))

    while serving and not leaving.soon():
        trained, waits = False, []
        for each in list(serving):
            try:
                got = each.turn()
            except (TooManyFailures, StudyMissing) as error:
                left_alone(each, error)
                continue
            if trained := got == "trained":
                break
            if isinstance(got, Wait):
                waits.append(got.seconds)
            else:
                serving.remove(each)
        for each in list(serving) if not trained else ():
            try:
                if trained := each.help():
                    break
            except (TooManyFailures, StudyMissing) as error:
                left_alone(each, error)
        if trained:
            idle_since = None
        elif serving:
            idle_since = idle_since or time.monotonic()
            _rest(min(waits), time.monotonic() - idle_since, leaving, idle_exit)
    if failed:
        raise failed[0]


def _of(study: Study, error: TooManyFailures | StudyMissing) -> Exception:
    """What is told of it, with the study's name."""
    if isinstance(error, StudyMissing):
        return StudyMissing(
            f"study {study.name} was deleted while this worker was at work on it: nothing is left to do"
        )
    return error


def _rest(seconds: float, idle: float, leaving: Leaving, idle_exit: float) -> None:
    """Pause; leave when there has been nothing to do for too long."""
    if idle >= idle_exit:
        log.info("nothing to do for %.0f s: this worker leaves", idle_exit)
        leaving.after_trial()
    # Who has waited for long asks less often: a quarter of the wait is lost at most.
    leaving.pause(min(max(seconds, idle / 4), LONGEST_WAIT))

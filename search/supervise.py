"""The launcher's watch: workers started, progress shown, the study carried to its answer or left in order."""

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import click

from search.edge import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, EXIT_TIME, UserError, complain
from search.fleet import Fleet
from search.halted import told
from search.leaving import ignored
from search.live import LiveScreen, can_redraw
from search.notes import Notes
from search.progress import PlainLines, Progress, Quiet, clock
from search.snapshot import Snapshot, take
from search.study import Study
from search.tracking import NoTracking, Tracking
from storage.errors import StorageUnreachable

POLL_SECONDS = 0.5


def carry_to_answer(
    study: Study,
    crew: Fleet,
    devices: Sequence[str],
    quiet: bool,
    tracking: Tracking | None = None,
    look: Callable[[Snapshot], None] = lambda _: None,
    shown: Progress | None = None,
) -> None:
    """Return once nothing is left to train. Exits 130 after an interruption or a stop, and 1 when no worker is left.

    It exits 0 when its workers found nothing to do for as long as they wait (`--idle-exit`), and 7 when they left
    because the time of this host is over (`CETERIS_ENDS_AT`). `look` is shown every snapshot on the way.
    """
    progress: Progress = shown or (Quiet() if quiet else LiveScreen() if can_redraw() else PlainLines())
    tracking = tracking or NoTracking()
    began = time.monotonic()
    with _termination_as_interrupt() as interrupted, _outages_told(progress):
        try:
            crew.start(devices)
            tracking.start()
            stopped_once = _watch(study, crew, tracking, progress, look, interrupted)
        except KeyboardInterrupt:
            progress.close()
            click.echo("stopping: workers save what they have and release their trials ...", err=True)
            crew.stop()
            click.echo(f"stopped{_how_far(study)}; the same line goes on where it stopped", err=True)
            sys.exit(EXIT_INTERRUPTED)
        finally:
            progress.close()
            crew.stop()
            for news in tracking.close():
                progress.say(news)
            if not quiet and (kept := tracking.kept()):
                click.echo(kept)
    if study.store.manifest(study.name) is None:
        raise UserError(f"study {study.name} was deleted while it ran; the same line starts a new one")
    if study.finished:
        if not quiet:
            workers = _count(len(devices), "worker")
            click.echo(f"answered after {clock(time.monotonic() - began)} of search with {workers} here\n")
    elif (halt := study.store.halt(study.study_id)) is not None:
        click.echo(f"{told(study, halt)}; --resume goes on with it", err=True)
        sys.exit(EXIT_INTERRUPTED)
    elif crew.out_of_time:
        click.echo("the time of this host is over; what ran is saved, and the same line goes on, here or elsewhere")
        sys.exit(EXIT_TIME)
    elif crew.all_well and "--idle-exit" in crew.arguments:
        click.echo("nothing is left to do here for now; others go on, and the same line joins them again")
        sys.exit(EXIT_OK)
    elif stopped_once:
        click.echo("the workers here have left; the study goes on, and the same line joins it again", err=True)
        sys.exit(EXIT_INTERRUPTED)
    else:
        complain(f"no worker is left and the study is not answered; {crew.last_words()}; the same line goes on")
        sys.exit(EXIT_BUG)


def _watch(
    study: Study,
    crew: Fleet,
    tracking: Tracking,
    progress: Progress,
    look: Callable[[Snapshot], None],
    interrupted: threading.Event,
) -> bool:
    """Whether the study was seen stopped, even if it goes on by now.

    Places are filled again during an outage, too. Raises StorageUnreachable when it outlasts the patience.
    """
    away_since: float | None = None
    notes, told_of_halt = Notes(), False
    while True:
        for news in (*crew.watch(), *tracking.news()):
            progress.say(news)
        try:
            with study.store.patient_for(0.0):
                snapshot = take(study)
            away_since = None
            progress.show(snapshot)
            if snapshot.halt is not None and not told_of_halt:
                progress.say(told(study, snapshot.halt))
                told_of_halt = True
            if snapshot.finished or not crew.running:
                return told_of_halt
            look(snapshot)
            notes.keep(snapshot)
        except StorageUnreachable:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > study.store.patience:
                raise
        if interrupted.is_set():
            raise KeyboardInterrupt
        if not crew.running:
            return told_of_halt
        time.sleep(POLL_SECONDS)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _how_far(study: Study) -> str:
    try:
        with study.store.patient_for(0.0):
            snapshot = take(study)
    except StorageUnreachable:
        return " while the database is away: what was not told of is trained again"
    ended = len(snapshot.ended)
    return f" after {ended} of at most {ended + snapshot.remaining} runs"


@contextlib.contextmanager
def _outages_told(progress: Progress) -> Iterator[None]:
    """What the storage says of an outage is shown with the progress: one line when it begins, one when it is over."""

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            progress.say(record.getMessage())

    log, handler = logging.getLogger("ceteris.storage"), Told()
    log.addHandler(handler)
    propagated, log.propagate = log.propagate, False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = propagated


@contextlib.contextmanager
def _termination_as_interrupt() -> Iterator[threading.Event]:
    """SIGTERM and SIGHUP end a launch like Ctrl-C: in order.

    The event is set by any of the three: an exception that is raised inside of a callback of Python's own is lost.
    """
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    names = [name for name in names if name == "SIGTERM" or not ignored(name)]  # nohup: it means to stay
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield interrupted
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)

"""The launcher's watch: workers started, progress shown, studies carried to their answers or left in order."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import click

from search.edge import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, EXIT_TIME, UserError, complain
from search.fleet import Fleet
from search.halted import told
from search.interruption import Interruption, heard
from search.live import LiveScreen, can_redraw
from search.notes import Notes
from search.progress import PlainLines, Progress, Quiet, clock
from search.snapshot import Snapshot, take
from search.study import Study
from search.tracking import NoTracking, Tracking
from storage.errors import StorageUnreachable

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Watched:
    """A study that is carried to its answer, and who follows it: `look` is shown every snapshot on the way, `answer`
    keeps the answer once it is there, and gives the lines to print."""

    study: Study
    tracking: Tracking = field(default_factory=NoTracking)
    look: Callable[[Snapshot], None] = lambda _: None
    answer: Callable[[], Sequence[str]] = tuple


def carry_to_answer(
    watched: Sequence[Watched], crew: Fleet, devices: Sequence[str], quiet: bool, shown: Progress | None = None
) -> None:
    """Return once nothing is left to train. Exits 130 after an interruption or a stop, and 1 when no worker is left.

    It exits 0 when its workers found nothing to do for as long as they wait (`--idle-exit`), and 7 when they left
    because the time of this host is over (`CETERIS_ENDS_AT`). Answers that are there are printed in any case but that
    of an interruption.
    """
    progress: Progress = shown or (Quiet() if quiet else LiveScreen() if can_redraw() else PlainLines())
    began, answers = time.monotonic(), dict[str, Sequence[str]]()
    with heard() as interruption, _outages_told(progress):
        try:
            crew.start(devices)
            for each in watched:
                each.tracking.start()
            stopped_once = _watch(watched, crew, progress, interruption, answers)
        except KeyboardInterrupt:
            progress.close()
            click.echo("stopping: workers save what they have and release their trials ...", err=True)
            crew.stop()
            click.echo(f"stopped{_how_far(watched)}; the same line goes on where it stopped", err=True)
            sys.exit(EXIT_INTERRUPTED)
        finally:
            progress.close()
            crew.stop()
            for each in watched:
                for news in each.tracking.close():
                    progress.say(news)
                if not quiet and (kept := each.tracking.kept()):
                    click.echo(kept)
    gone = [each.study for each in watched if each.study.store.manifest(each.study.name) is None]
    over = [each for each in watched if each.study not in gone and each.study.finished]
    if over and not quiet:
        after = f"answered after {clock(time.monotonic() - began)} of search with {_count(len(devices), 'worker')} here"
        click.echo(f"{after}\n" if len(watched) == 1 else f"{' and '.join(each.study.name for each in over)} {after}\n")
    for each in over:
        if len(watched) > 1:
            click.echo(f"{'' if each is over[0] else chr(10)}{each.study.name}")
        for line in answers.get(each.study.name) or each.answer():
            click.echo(line)
    if len(over) == len(watched):
        return
    if gone:
        raise UserError(f"study {gone[0].name} was deleted while it ran; the same line starts a new one")
    _exit([each.study for each in watched if each not in over], crew, stopped_once)


def _exit(left: Sequence[Study], crew: Fleet, stopped_once: bool) -> NoReturn:
    """Say why these studies are not answered."""
    halts = [(study, halt) for study in left if (halt := study.store.halt(study.study_id)) is not None]
    if halts:
        for study, halt in halts:
            click.echo(f"{told(study, halt)}; --resume goes on with it", err=True)
        sys.exit(EXIT_INTERRUPTED)
    if crew.out_of_time:
        click.echo("the time of this host is over; what ran is saved, and the same line goes on, here or elsewhere")
        sys.exit(EXIT_TIME)
    if crew.all_well and "--idle-exit" in crew.arguments:
        click.echo("nothing is left to do here for now; others go on, and the same line joins them again")
        sys.exit(EXIT_OK)
    if stopped_once:
        click.echo("the workers here have left; the study goes on, and the same line joins it again", err=True)
        sys.exit(EXIT_INTERRUPTED)
    which = "the study" if len(left) == 1 else " and ".join(study.name for study in left)
    are = "is" if len(left) == 1 else "are"
    complain(f"no worker is left and {which} {are} not answered; {crew.last_words()}; the same line goes on")
    sys.exit(EXIT_BUG)


def _watch(
    watched: Sequence[Watched],
    crew: Fleet,
    progress: Progress,
    interruption: Interruption,
    answers: dict[str, Sequence[str]],
) -> bool:
    """Whether a study was seen stopped, even if it goes on by now. Of several, `answers` gets those that are ready
    while others go on.

    Places are filled again during an outage, too. Raises StorageUnreachable when it outlasts the patience.
    """
    away_since: float | None = None
    notes, halted = [Notes() for _ in watched], set[str]()
    snapshots: dict[int, Snapshot] = {}
    store = watched[0].study.store
    while True:
        for news in (*crew.watch(), *(news for each in watched for news in each.tracking.news())):
            progress.say(news)
        try:
            with store.patient_for(0.0):
                going = [n for n in range(len(watched)) if n not in snapshots or not snapshots[n].finished]
                snapshots |= {n: take(watched[n].study) for n in going}
            away_since = None
            progress.show(*snapshots.values())
            for n in going:
                name, halt = watched[n].study.name, snapshots[n].halt
                if halt is not None and name not in halted:
                    progress.say(told(watched[n].study, halt))
                    halted.add(name)
            if all(each.finished for each in snapshots.values()) or not crew.running:
                return bool(halted)
            for n in going:
                watched[n].look(snapshots[n])
                notes[n].keep(snapshots[n])
                if snapshots[n].finished:
                    interruption.check()  # before what takes a while
                    answers[watched[n].study.name] = watched[n].answer()
                    progress.say(f"{watched[n].study.name} is answered; the workers go on with the others")
        except StorageUnreachable:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > store.patience:
                raise
        interruption.check()
        if not crew.running:
            return bool(halted)
        interruption.sleep(POLL_SECONDS)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _how_far(watched: Sequence[Watched]) -> str:
    try:
        with watched[0].study.store.patient_for(0.0):
            snapshots = [take(each.study) for each in watched]
    except StorageUnreachable:
        return " while the database is away: what was not told of is trained again"
    ended = sum(len(each.ended) for each in snapshots)
    return f" after {ended} of at most {ended + sum(each.remaining for each in snapshots)} runs"


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

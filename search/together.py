"""One launch of one study, or of several that share its workers: from the command line to the last answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from search.ask import Request
from search.data_options import words_of
from search.fleet import Fleet
from search.loading import collector_paused
from search.preflight import Ground
from search.start import Begun, Start
from search.supervise import Watched, carry_to_answer
from storage.checkpoints import check_place
from storage.store import Store

if TYPE_CHECKING:
    from search.plan import Plan


def starts_of(requests: Sequence[Request], ground: Ground) -> list[Start]:
    """Each request checked. All are about the same data, which are opened once. Raises one-line errors."""
    first = Start.of(requests[0], ground)
    return [first, *(Start.of(request, ground, first.material.opened) for request in requests[1:])]


def tell_plans(starts: Sequence[Start]) -> None:
    """Print what they would cost, and start nothing."""
    plans = [start.tell_plan(alone=len(starts) == 1) for start in starts]
    if len(starts) > 1:
        _tell_together([start.request.study_name for start in starts], plans)


def carry(starts: Sequence[Start]) -> None:
    """Create or join every study, work on all of them until they are answered, show the answers."""
    request, alone = starts[0].request, len(starts) == 1
    store = Store.connect(starts[0].url, wait=request.wait_for_db, patience=request.db_patience)
    crew = []
    if not all(start.answered(store) for start in starts):
        store.close()  # copies must not hold the connection too
        crew = starts[0].copies()
        if request.checkpoints:  # after the copies: the client of S3 has threads, which no copy of a process has
            check_place(request.checkpoints)
        store = Store.connect(starts[0].url, patience=request.db_patience)
    planned = [start.planned(store) for start in starts]
    begun = [start.begin(store, new, alone) for start, new in zip(starts, planned, strict=True)]
    todo = [each for each in begun if not each.answered]
    plans = [each.plan for each in todo if each.plan is not None]
    if not alone and plans and len(plans) == len(todo) and not request.quiet:
        _tell_together([each.study.name for each in todo], plans)
    for each in begun:
        for line in each.answer() if each.answered else ():
            click.echo(line)
    if todo:
        fleet = Fleet(_arguments(todo), {"CETERIS_STORAGE": starts[0].url}, todo[0].folder.logs, crew)
        watched = [Watched(each.study, each.tracking(), each.report.look, each.answer) for each in todo]
        devices = min((each.start.devices for each in todo), key=len)  # as many as the largest pictures leave room for
        carry_to_answer(watched, fleet, devices, request.quiet)


def _arguments(todo: Sequence[Begun]) -> list[str]:
    """The command line of a worker."""
    request, options = todo[0].start.request, todo[0].start.material.options
    arguments = ["--data", request.data]
    for each in todo:
        arguments += ["--name", each.study.name, "--folder", str(each.folder.checkpoints)]
    arguments += ["--checkpoint-every", f"{request.checkpoint_every:g}"]
    if request.idle_exit is not None:
        arguments += ["--idle-exit", f"{request.idle_exit:g}"]
    arguments += ["--lease-seconds", f"{request.lease_seconds:g}", "--db-patience", f"{request.db_patience:g}"]
    if request.checkpoints:
        arguments += ["--checkpoints", request.checkpoints]
    elif not todo[0].study.store.one_host:
        arguments += ["--weights-in-db", f"{request.weights_in_db:g}"]
    arguments += ["--speculate", request.speculate, *words_of(options)]
    for file in {digest: file for each in todo for digest, file in each.start.request.files.items()}.values():
        arguments += ["--file", str(file)]
    return arguments


def _tell_together(names: Sequence[str], plans: "Sequence[Plan]") -> None:
    with collector_paused():
        from search.plans import lines

    for line in lines(names, plans):
        click.echo(line)

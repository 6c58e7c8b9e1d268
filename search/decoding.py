"""What is seen while pictures are decoded: a bar on a terminal, a line now and then in a log."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from search.edge import speaks_unicode

PATIENCE_SECONDS = 1.0  # shorter work is not announced
LINE_SECONDS = 10.0


@contextlib.contextmanager
def decode_progress(quiet: bool, doing: str = "decoding") -> Iterator[Callable[[int, int], None] | None]:
    """Yields what is to be called with (done, total) while images are decoded, or whatever else is being done with
    them; None says nothing."""
    if quiet:
        yield None
    elif sys.stdout.isatty() and speaks_unicode():
        with _bar(doing) as show:
            yield show
    else:
        yield _lines(doing)


@contextlib.contextmanager
def _bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn("images"), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(highlight=False), transient=True)
    task = progress.add_task(doing)
    began = time.monotonic()

    def show(done: int, total: int) -> None:
        if time.monotonic() - began > PATIENCE_SECONDS:
            progress.start()
        progress.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        progress.stop()


def _lines(doing: str) -> Callable[[int, int], None]:
    began = told = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= LINE_SECONDS and done:
            told = now
            to_go = (now - began) / done * (total - done)
            click.echo(f"{doing}: {done} of {total} images, about {to_go:.0f} s to go")

    return show

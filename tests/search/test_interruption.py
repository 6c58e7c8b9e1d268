"""Ctrl-C is heard between two steps, breaks nothing that it hits, and ends a program in one line."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.interruption import INSISTS_SECONDS, caused_by_interrupt, heard
from tests.search.commands import environment

SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_is_kept_until_somebody_checks_and_the_handlers_are_as_before_at_the_end(name: str) -> None:
    number = getattr(signal, name)
    first = signal.signal(number, signal.SIG_DFL)  # a SIGHUP is ignored under nohup
    try:
        with heard() as interruption:
            interruption.check()
            began = time.monotonic()
            signal.raise_signal(number)  # does not raise here: this might be the middle of a driver
            signal.raise_signal(number)  # nor when a closing terminal says it twice
            with pytest.raises(KeyboardInterrupt):
                interruption.check()
            with pytest.raises(KeyboardInterrupt):
                interruption.sleep(60)
            assert time.monotonic() - began < INSISTS_SECONDS
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, first)


def test_who_insists_is_heard_at_once() -> None:
    with heard():
        signal.raise_signal(signal.SIGINT)
        time.sleep(INSISTS_SECONDS + 0.1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


class DriverError(Exception):
    """What a driver says that was hit in the middle."""


def hit() -> None:
    try:
        try:
            raise KeyboardInterrupt
        finally:
            raise DriverError("connection in transaction status ACTIVE")
    except DriverError as error:
        raise RuntimeError("wrapped") from error


def test_what_a_driver_makes_of_an_interrupt_is_told_from_a_bug() -> None:
    with pytest.raises(RuntimeError) as came_out:
        hit()
    assert caused_by_interrupt(came_out.value)
    assert not caused_by_interrupt(DriverError("of itself"))


PROGRAM = """
import click
from search.edge import run
from tests.search.test_interruption import hit

@click.command()
def main():
    hit()

run(main)
"""


def test_a_program_whose_driver_was_interrupted_ends_in_one_line(tmp_path: Path) -> None:
    line = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(
        line, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, "error: interrupted; the same line goes on where it stopped\n")

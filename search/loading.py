"""Loading torch and what leans on it: eight hundred thousand objects, nearly all of which stay for good."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """To import inside: nobody looks for cyclic garbage meanwhile, which would take a fifth of the time.

    What there is afterwards is never looked through again, in no later collection either; the garbage among it, about
    one object in a hundred, is kept.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def settle() -> None:
    """To be called once, when a process has all that it keeps: no later collection looks through that again."""
    gc.collect()
    gc.freeze()

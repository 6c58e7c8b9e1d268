"""`python -m search.track`: the process that tells wandb, started by a launch with --wandb.

It reads the study's rows as any other screen does, so that training neither waits for wandb nor knows of it. What it
prints on stdout, line by line, is for the person at the launch. It ends when its stdin does: with its launch, however.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import click

from search.data_options import data_options, source_options
from search.edge import run
from search.folder import file_name
from search.tracking import in_short

LOOK_SECONDS = 2.0


@click.command(hidden=True)
@click.option("--name", required=True)
@click.option("--storage", envvar="CETERIS_STORAGE", required=True)
@click.option("--folder", required=True, type=click.Path(path_type=Path), help="The run folder.")
@click.option("--mode", required=True, type=click.Choice(["offline", "online"]))
@click.option("--layout", required=True, type=click.Choice(["pair", "single"]))
@click.option("--project", required=True)
@click.option("--share-images", is_flag=True)
@data_options
def main(name: str, storage: str, folder: Path, share_images: bool, data: str, **given: Any) -> None:
    """Tell wandb of every attempt at the study NAME that is made on this host."""
    how = {key: given.pop(key) for key in ("mode", "layout", "project")}
    told = _own_stdout()

    def tell(line: str) -> None:
        with contextlib.suppress(OSError):  # the launch is gone
            os.write(told, f"{' '.join(line.split())}\n".encode())

    over = _launch_over()
    try:
        _follow(name, storage, folder, how, (share_images, data, given), tell, over)
    except Exception as error:  # noqa: BLE001  (nothing that happens here may be felt by the study)
        traceback.print_exc()
        tell(f"wandb: {_words(error)}; nothing more is tracked in this launch, the study goes on")


def _follow(name: str, storage: str, folder: Path, how: dict[str, Any], images: Any, tell: Any, over: Any) -> None:
    from filelock import FileLock, Timeout

    from search.study import Study
    from storage.errors import StorageUnreachable
    from storage.store import Store

    host = socket.gethostname()
    place = folder / "wandb"
    _writable(place)
    store = Store.connect(storage, wait=60, patience=LOOK_SECONDS)
    if (manifest := store.manifest(name)) is None:
        return
    study = Study.of(store, manifest)
    lock = FileLock(place / f"tracker-{file_name(host)}.lock")
    while True:  # another launch on this host may be tracking already: this one stands by
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            if over.wait(LOOK_SECONDS):
                return

    from search.following import Follower, Ledger
    from search.wandb_runs import WandbRuns

    ledger = Ledger(place / f"tracked-{file_name(host)}.txt")
    runs = WandbRuns(folder, how["mode"] == "online", how["layout"], how["project"], tell)
    follower, ended = Follower(study, host, runs, ledger), False
    while not ended:
        ended = over.wait(LOOK_SECONDS)
        try:
            follower.look()
        except StorageUnreachable:  # the launch says so; what is missed now is logged later
            traceback.print_exc()
    share_images, data, options = images
    if share_images:
        from search.mistakes import share

        share(study, data, source_options(**options), runs, ledger)
    follower.leave()
    lock.release()


def _own_stdout() -> int:
    """A handle on stdout for `tell` alone; whatever else is printed goes to the log."""
    handle = os.dup(1)
    os.dup2(2, 1)
    return handle


def _launch_over() -> threading.Event:
    """Set when the launch closes our stdin, or ends. No signal ends this process: the launch decides."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    over = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while sys.stdin.buffer.read(4096):
                pass
        over.set()

    threading.Thread(target=wait, name="launch-watch", daemon=True).start()
    return over


def _writable(folder: Path) -> None:
    """Raise OSError where nothing can be written: wandb would quietly take a temporary folder instead."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()


def _words(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"it cannot be imported here ({error}); python -m pip install wandb"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return in_short(error)


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)  # training comes first
    run(main)

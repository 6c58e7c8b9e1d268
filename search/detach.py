"""`--detach`: the same launch in a session of its own, which a closed terminal does not end."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from search.edge import complain
from search.fleet import found_anywhere
from search.folder import file_name
from search.options import make_folder
from search.surroundings import ENTERED

EARLY_SECONDS = 8.0  # what goes wrong at once is told here rather than in a log


def detach(names: Sequence[str], runs: Path) -> None:
    """Start it, say how to follow and to stop it, and end this process with the exit code of an early mistake."""
    stamp, name = time.strftime("%Y-%m-%d_%H%M%S"), "+".join(names)
    log = make_folder(runs / "launches") / f"{stamp}_{file_name(name)}_{os.getpid()}.log"
    words = [word for word in sys.orig_argv[1:] if word != "--detach"]
    environment = {**os.environ, **found_anywhere(), ENTERED: os.environ.get(ENTERED, "1")}
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
            **_apart(),
        )
    try:
        code = process.wait(EARLY_SECONDS)
    except subprocess.TimeoutExpired:
        click.echo(f"launched {' and '.join(names)} in the background: process {process.pid}, log {log}")
        follow = f'Get-Content -Wait "{log}"' if os.name == "nt" else f'tail -f "{log}"'
        click.echo(f"follow it:  {follow}  (or python -m search.status --name {names[0]})")
        here = f"taskkill /T /PID {process.pid}" if os.name == "nt" else f"kill {process.pid}"
        everywhere = "; ".join(f"python -m search.stop --name {name}" for name in names)
        click.echo(f"stop it:    {here}  (everywhere: {everywhere})")
        return
    said = log.read_text(encoding="utf-8", errors="replace").strip()
    if code:
        complain((said.splitlines() or ["it ended at once"])[-1].removeprefix("error: "))
    else:
        click.echo(said)
    sys.exit(code)


def _apart() -> dict[str, Any]:
    if os.name == "nt":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined]
        return {"creationflags": flags}
    return {"start_new_session": True}

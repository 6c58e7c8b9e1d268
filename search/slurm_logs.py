"""The logs of a job, by its number: what the job said, and what the workers of its launches did."""

import re
from pathlib import Path

import click

from search.edge import UserError

LINES = 15
_LAUNCH = re.compile(r"launch (\d+) on (\S+)$", re.MULTILINE)


def show(runs: Path, job: str) -> None:
    """Print where they lie and how each ends. `job`: 4711 (a whole array) or 4711_3. Raises `UserError`."""
    if not re.fullmatch(r"\d+(_\d+)?", job):
        raise UserError(f"{job!r} is no number of a job; write 4711, or 4711_3 for one of an array")
    folder = runs / "slurm" / "logs"
    found = [file for file in sorted(folder.glob(f"{job}_*_log.*")) if file.stat().st_size]
    if not found:
        raise UserError(f"there is no log of job {job} in {folder}: it has not begun, or it ran with other --runs")
    for file in found:
        _tail(file)
        if file.suffix == ".out":
            for process, host in _LAUNCH.findall(file.read_text(encoding="utf-8", errors="replace")):
                for log in sorted(runs.glob(f"*/logs/*_{host}-{process}.log")):
                    _tail(log)


def _tail(file: Path) -> None:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    click.echo(click.style(str(file), bold=True))
    if len(lines) > LINES:
        click.echo(f"  ... {len(lines) - LINES} lines before")
    for line in lines[-LINES:]:
        click.echo(f"  {line}")

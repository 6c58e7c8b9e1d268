"""The options that several commands share, and what they stand for."""

import datetime
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from search.edge import UserError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

storage_option = click.option(
    "--storage", envvar="CETERIS_STORAGE", metavar="URL", help="Database URL (default: SQLite in the runs folder)."
)
runs_option = click.option(
    "--runs",
    envvar="CETERIS_RUNS",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder for the default database and the run folders.",
)
checkpoints_option = click.option(
    "--checkpoints",
    envvar="CETERIS_CHECKPOINTS",
    metavar="PLACE",
    help="Folder that all servers share, or s3://bucket/prefix, for checkpoints and weights (default: the run folder).",
)

_TRACKING = (
    click.option(
        "--wandb",
        envvar="CETERIS_WANDB",
        type=click.Choice(["off", "offline", "online"]),
        help="Show every run in wandb: online, or offline to be sent later (default: off).",
    ),
    click.option(
        "--wandb-layout",
        envvar="CETERIS_WANDB_LAYOUT",
        type=click.Choice(["pair", "single"]),
        default="pair",
        help="A run each for training and validation, whose curves overlay (default), or a single one.",
    ),
    click.option(
        "--wandb-project", envvar="WANDB_PROJECT", default="ceteris", metavar="NAME", help="Default: ceteris."
    ),
    click.option("--share-images", is_flag=True, help="Let pictures (the worst mistakes) go to wandb, too."),
)


def tracking_options(command: Decorated) -> Decorated:
    """Adds --wandb, --wandb-layout, --wandb-project and --share-images."""
    for option in reversed(_TRACKING):
        command = option(command)
    return command


def storage_url(storage: str | None, runs: Path) -> str:
    """The given URL, or the default SQLite file of the runs folder; says so when that file has to lie elsewhere."""
    from storage.urls import FILE_NAME, default_sqlite_url, sqlite_url

    if storage:
        return storage
    make_folder(runs)
    url = default_sqlite_url(runs)
    if url != sqlite_url(runs / FILE_NAME):
        click.echo(f"{runs} lies on a network file system, which SQLite cannot share safely: the database is {url}")
    return url


def shown_storage(url_without_secret: str) -> str:
    """A storage URL as people read it: the plain path of a SQLite file, else the URL."""
    from storage.urls import parse_url

    url = parse_url(url_without_secret)
    return str(Path(url.database)) if url.get_backend_name() == "sqlite" and url.database else url_without_secret


def hours_until(moment: str) -> float:
    """Hours from now to `18:00` (tomorrow's, when today's is over) or `2026-11-30 18:00`. Raises `UserError`."""
    now = datetime.datetime.now()
    try:
        time = datetime.time.fromisoformat(moment) if ":" in moment and "-" not in moment else None
        at = datetime.datetime.fromisoformat(moment) if time is None else datetime.datetime.combine(now.date(), time)
    except ValueError:
        raise UserError(f"--until {moment!r} is no time; write 18:00, or 2026-11-30 18:00") from None
    if at.tzinfo is not None:
        at = at.astimezone().replace(tzinfo=None)
    if at <= now and time is not None:
        at += datetime.timedelta(days=1)
    if at <= now:
        raise UserError(f"--until {moment} is over: it is {now:%Y-%m-%d %H:%M}")
    return (at.astimezone() - now.astimezone()).total_seconds() / 3600


def make_folder(folder: Path) -> Path:
    """`folder`, created and writable. Raises `UserError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".ceteris-{uuid.uuid4().hex}"
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write in {folder} ({error.strerror}); give another folder with --runs") from None
    return folder

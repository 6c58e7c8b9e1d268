"""The options that several commands share, and where their defaults come from.

Precedence: the command line, then `CETERIS_…` in the environment, then `ceteris.local.toml` (machine paths, not
tracked), then `ceteris.toml` (tracked with the project), then the built-in default.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from search.edge import UserError

F = TypeVar("F", bound=Callable[..., Any])
FILES = ("ceteris.toml", "ceteris.local.toml")

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


def settings() -> dict[str, Any]:
    """Context settings for a command: the two files' keys, with `_` for `-`, as defaults."""
    return {"default_map": read_files(Path.cwd()), "show_default": False, "max_content_width": 100}


def read_files(folder: Path) -> dict[str, Any]:
    """The merged settings files of `folder`. Raises `UserError` for a file that is not TOML."""
    merged: dict[str, Any] = {}
    for name in FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            merged |= tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f'{name} is not TOML ({error}); write lines such as data = "photos"') from None
    return {key.replace("-", "_"): value for key, value in merged.items()}


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


def make_folder(folder: Path) -> Path:
    """`folder`, created and writable. Raises `UserError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".ceteris-write-test"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write in {folder} ({error.strerror}); give another folder with --runs") from None
    return folder

"""`python -m search.transfer --to URL`: copy studies into another database, from SQLite to PostgreSQL or back."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.edge import UserError, run
from search.options import runs_option, storage_url

if TYPE_CHECKING:
    from storage.transfer import Copied


@click.command("transfer")
@click.option(
    "--from", "storage", envvar="CETERIS_STORAGE", metavar="URL|FILE", help="Default: SQLite in the runs folder."
)
@click.option("--to", "target", required=True, metavar="URL|FILE", help="A database, or a SQLite file to carry away.")
@click.option("--name", "--study", "names", multiple=True, metavar="NAME", help="Only this study (default: all).")
@runs_option
def main(storage: str | None, target: str, names: tuple[str, ...], runs: Path) -> None:
    """Copy studies, with every trial, verdict and record, into another database, wholly or not at all.

    Nobody may be at work on them (python -m search.stop). They go on there; the old copies should be deleted.
    """
    from storage.errors import StudyExists
    from storage.store import Store

    here = storage_url(_url(storage), runs)
    store, other = Store.connect(here), Store.connect(_url(target) or "")
    if store.url_without_secret == other.url_without_secret:
        raise UserError(f"--from and --to are the same database, {store.url_without_secret}")
    there = [study.name for study in store.studies()]
    if not there:
        raise UserError(f"there is no study in {store.url_without_secret}")
    chosen = names or tuple(there)
    taken = {study.name for study in other.studies()}.intersection(chosen)
    if taken:
        raise StudyExists(f"{other.url_without_secret} has {', '.join(sorted(taken))} already: nothing was copied")
    for name in chosen:
        copied = store.transfer(name, other)
        files = _bring_files(runs, copied)
        kept = f", {files} files of its runs" if files else ""
        click.echo(f"copied {name}: {len(copied.trials)} trials, {copied.rows} rows{kept}")
    click.echo(f'go on there with --storage "{other.url_without_secret}"; when all is well, delete the old copy:')
    for name in chosen:
        click.echo(f'  python -m search.delete --name {name} --storage "{store.url_without_secret}"')


def _url(given: str | None) -> str | None:
    """A URL as it is, a file as the URL of a SQLite file."""
    from storage.urls import sqlite_url

    return given if given is None or "://" in given else sqlite_url(Path(given))


def _bring_files(runs: Path, copied: "Copied") -> int:
    """Checkpoints and weights of this host under the ids that the runs have there; how many."""
    from search.folder import study_folder
    from search.study import instance_of
    from storage.transfer import moved_location

    checkpoints = study_folder(runs, copied.name, copied.created_at) / "checkpoints"
    old = checkpoints / instance_of(copied.source_id, copied.created_at)
    new = checkpoints / instance_of(copied.target_id, copied.created_at)
    count = 0
    for file in sorted(old.glob("*/*/*.ckpt")):
        place = new / moved_location(file.relative_to(old).as_posix(), copied.trials)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            place.hardlink_to(file)
        except OSError:
            shutil.copyfile(file, place)
        count += 1
    return count


if __name__ == "__main__":
    run(main)

"""`python -m search.report`: write report.html and EXPERIMENTS.md of a study, finished or not (docs/report.md)."""

from pathlib import Path

import click

from search.edge import run
from search.options import runs_option, storage_option, storage_url


@click.command("report")
@click.option("--name", "--study", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@storage_option
@runs_option
@click.option(
    "--into",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also keep a block of this Markdown file up to date, such as your README.md.",
)
def main(name: str | None, storage: str | None, runs: Path, into: Path | None) -> None:
    """Write what a study has found into its run folder: one page to read, one table to compare.

    With --into the table also goes between two marks of a file of your own; the rest of that file stays as it is.
    """
    from search.experiments import block
    from search.find import find_study
    from search.folder import RunFolder
    from search.into import put_into
    from search.report_files import write_report
    from search.snapshot import take
    from storage.store import Store

    store = Store.connect(storage_url(storage, runs))
    snapshot = take(find_study(store, name))
    if into is not None:
        changed = put_into(into, snapshot.study.name, block(snapshot))
        click.echo(f"{into} {'is up to date' if changed else 'was up to date already'}")
    folder = RunFolder.at(snapshot.study, runs)
    for written in write_report(snapshot, folder):
        click.echo(folder.path / written)


if __name__ == "__main__":
    run(main)

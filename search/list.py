"""`python -m search.list`: the studies of a database, and the definitions that can be started."""

import datetime
from pathlib import Path

import click

from search.edge import run
from search.options import runs_option, storage_option, storage_url


@click.command("list")
@storage_option
@runs_option
def main(storage: str | None, runs: Path) -> None:
    """List the studies of the database, then the study definitions that come with ceteris."""
    from search.answer import table
    from spaces.catalog import DEFINITIONS
    from storage.store import Store

    store = Store.connect(storage_url(storage, runs))
    rows = [("study", "created", "by", "verdicts", "runs", "working")]
    for summary in store.studies():
        created = datetime.datetime.fromtimestamp(summary.created_at).astimezone()
        total = sum(summary.states.values())
        working = str(summary.live_leases) if summary.live_leases else "-"
        rows.append(
            (summary.name, f"{created:%Y-%m-%d %H:%M}", summary.creator, str(summary.verdicts), str(total), working)
        )
    if len(rows) == 1:
        click.echo(f"no study yet in {store.url_without_secret}")
    for line in table(rows) if len(rows) > 1 else []:
        click.echo(line)
    click.echo("")
    for line in table([("definition", "asks"), *((d.name, d.question) for d in DEFINITIONS.values())]):
        click.echo(line)


if __name__ == "__main__":
    run(main)

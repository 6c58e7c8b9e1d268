"""`python -m search.status`: how a study stands, for people, or with --json for programs (docs/status.md)."""

import json
from pathlib import Path

import click

from search.edge import run
from search.options import runs_option, storage_option, storage_url
from search.tunnel import through, via_option


@click.command("status")
@click.option("--name", "--study", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@storage_option
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable; the schema is docs/status.md.")
@via_option
def main(name: str | None, storage: str | None, runs: Path, as_json: bool, via: str | None) -> None:
    """Show how a study stands: stages, winners, scores, trials by stop reason, workers."""
    from search.find import find_study
    from search.snapshot import take
    from search.status_text import as_document, as_lines
    from storage.store import Store

    with through(via, storage_url(storage, runs)) as url:
        store = Store.connect(url)
        snapshot = take(find_study(store, name))
        if as_json:
            click.echo(json.dumps(as_document(snapshot), indent=2, ensure_ascii=True))
        else:
            for line in as_lines(snapshot):
                click.echo(line)
        store.close()


if __name__ == "__main__":
    run(main)

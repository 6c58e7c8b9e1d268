"""`python -m search.delete --name NAME`: remove a study from the database."""

from pathlib import Path

import click

from search.edge import UserError, run
from search.options import runs_option, storage_option, storage_url


@click.command("delete")
@click.option("--name", "--study", "name", metavar="NAME", required=True, help="Name of the stored study.")
@storage_option
@runs_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even while workers are training in it: they stop and discard.")
def main(name: str, storage: str | None, runs: Path, yes: bool, force: bool) -> None:
    """Delete a study, its trials and its verdicts from the database. The run folder stays where it is."""
    from search.find import find_manifest
    from storage.store import Store

    store = Store.connect(storage_url(storage, runs))
    study = find_manifest(store, name)
    count = len({row.cell_id for row in store.runs(study.study_id)})
    if not yes:
        try:
            agreed = click.confirm(f"delete study {name} with {count} runs from {store.url_without_secret}?")
        except click.Abort:
            raise UserError("nobody answered; nothing was deleted (give --yes to delete without asking)") from None
        if not agreed:
            raise UserError("nothing was deleted")
    store.delete(name, force=force)
    click.echo(f"deleted study {name} and its {count} runs; its run folder stays in {runs}")


if __name__ == "__main__":
    run(main)

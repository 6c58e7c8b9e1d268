"""`python -m search.fork lr_aug --as more --try loss=poly1`: another question, with the runs that answer it already."""

from pathlib import Path

import click

from search.edge import UserError, run
from search.options import runs_option, storage_option, storage_url


@click.command("fork")
@click.argument("source", metavar="STUDY")
@click.option("--as", "name", required=True, metavar="NAME", help="Name of the new study.")
@click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE", help="What is to differ: stages.lr.domain.high=0.03, ..."
)
@click.option(
    "--try",
    "--add",
    "tries",
    multiple=True,
    metavar="FACTOR=VALUE",
    help="One value more to compare: loss=poly1, augment=mixup.",
)
@click.option(
    "--code",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A Python file of your own that custom:FILE.py:NAME names.",
)
@storage_option
@runs_option
def main(
    source: str,
    name: str,
    settings: tuple[str, ...],
    tries: tuple[str, ...],
    code: tuple[Path, ...],
    storage: str | None,
    runs: Path,
) -> None:
    """Make a study that differs from STUDY in declared fields and reuses every finished run of equal identity.

    One value more in a stage costs that value's screen and the finals it reaches; stages after a changed winner are
    decided anew. STUDY itself stays as it is.
    """
    from search.find import find_study
    from search.forking import fork
    from storage.store import Store

    store = Store.connect(storage_url(storage, runs))
    study = find_study(store, source)
    if not settings and not tries:
        raise UserError("nothing is to differ; give --set PATH=VALUE or --try FACTOR=VALUE")
    told = fork(study, name, settings, tries, code)
    for words in told.differences:
        click.echo(words)
    click.echo(f"{told.adopted} finished runs of {source} are reused where {name} asks for them")
    click.echo(told.stale)
    click.echo(f"start it: {told.line}")


if __name__ == "__main__":
    run(main)

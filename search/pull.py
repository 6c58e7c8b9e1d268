"""`python -m search.pull --study S`: the best weights and the predictions of a study, brought to this server."""

from pathlib import Path

import click

from search.edge import run
from search.options import checkpoints_option, runs_option, storage_option, storage_url


@click.command("pull")
@click.option("--study", "--name", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@storage_option
@runs_option
@checkpoints_option
def main(name: str | None, storage: str | None, runs: Path, checkpoints: str | None) -> None:
    """Fetch what is missing here into the run folder of this server, and say where the rest is.

    Weights of the best trials of each phase and predictions of every one that ended well travel through the database;
    weights larger than its limit stay on the host that trained them, which is named. Repeatable: what is here stays.
    """
    from search.fetching import fetch
    from search.find import find_study
    from search.folder import RunFolder
    from storage.checkpoints import checkpoints_at
    from storage.store import Store

    study = find_study(Store.connect(storage_url(storage, runs)), name)
    folder = RunFolder.of(study, runs)
    told = fetch(study, folder, checkpoints_at(checkpoints or folder.checkpoints, study.instance))
    for line in told.lines():
        click.echo(line)


if __name__ == "__main__":
    run(main)

"""`python -m search.reproduce --study S --trial 1-lr#4`: train a trial again, next to its stored curve."""

import sys
from pathlib import Path
from typing import Any

import click

from search.data_options import data_options, source_options
from search.edge import EXIT_DIFFERENT, UserError, run
from search.options import runs_option, storage_option, storage_url


@click.command("reproduce")
@click.option("--study", "--name", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@click.option("--trial", "trial", metavar="PHASE#N", required=True, help="Which trial, such as 1-lr#4 or confirm#0.")
@data_options
@storage_option
@runs_option
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Weights or code of your own that the recipe names.",
)
@click.option("--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda or cuda:N.")
def main(
    name: str | None,
    trial: str,
    data: str,
    storage: str | None,
    runs: Path,
    files: tuple[Path, ...],
    device: str,
    **options: Any,
) -> None:
    """Train the trial again, epoch by epoch, and say whether its curve is the stored one.

    In the same execution mode (device, library versions, threads, precision, layout) it is equal to the bit; in another
    one the largest difference is judged against the study's delta. Exit code 6 when it is larger.
    """
    phase, mark, number = trial.rpartition("#")
    if not mark or not number.isdigit():
        raise UserError(f"--trial {trial!r} names no trial; write PHASE#NUMBER, such as 1-lr#4 or 2-loss/finals#0")
    from search.again import Again
    from search.find import find_study
    from storage.store import Store

    study = find_study(Store.connect(storage_url(storage, runs)), name)
    again = Again.of(study, phase, int(number), data, source_options(**options), files, device)
    click.echo(f"{study.name}/{trial}: {again.words}")
    for epoch, stored, apart in again.epochs():
        same = "equal" if apart == 0 else f"differs by {apart:.4f}"
        click.echo(f"  epoch {epoch.number:3d}  stored {stored.score:.4f}  again {epoch.score:.4f}  {same}")
    click.echo(again.conclusion())
    if again.different:
        sys.exit(EXIT_DIFFERENT)


if __name__ == "__main__":
    run(main)

"""`python -m search.retrain --study S --backbone resnet50`: train the answer for use; does it carry over?"""

from pathlib import Path
from typing import Any

import click

from search import surroundings
from search.edge import run
from search.loading import collector_paused
from search.options import checkpoints_option, runs_option, storage_option, storage_url


@click.command("retrain")
@click.option("--study", "--name", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@click.option("--data", envvar="CETERIS_DATA", metavar="DATA", help="A copy of the study's data.")
@click.option("--backbone", metavar="NAME", help="Another timm backbone: its learning rate is tuned again.")
@click.option("--weights", type=click.Path(path_type=Path, dir_okay=False), help="Local weights file for it.")
@click.option(
    "--on",
    type=click.Choice(["train", "train+val", "all"]),
    default="train",
    show_default=True,
    help="train: validated on the rest; train+val: all but the test part; all: the test part, too.",
)
@click.option(
    "--folds", type=click.IntRange(1), default=1, show_default=True, help="With --on train, on so many folds."
)
@click.option("--seeds", type=click.IntRange(1, 99), default=1, show_default=True, help="So many times.")
@click.option("--epochs", type=click.IntRange(2), metavar="N", help="Epochs of a run (default: as found).")
@click.option(
    "--file", "files", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="Code of your own."
)
@click.option("--workers", envvar="CETERIS_WORKERS", type=click.IntRange(1, 256), help="Workers on this host.")
@click.option("--device", envvar="CETERIS_DEVICE", default="auto", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")
@click.option("--cache", envvar="CETERIS_CACHE", type=click.Path(path_type=Path, file_okay=False), hidden=True)
@click.option("--quiet", is_flag=True, help="Print the outcome only.")
@storage_option
@runs_option
@checkpoints_option
@click.option(
    "--weights-in-db",
    type=click.FloatRange(0),
    default=256.0,
    metavar="MIB",
    help="Weights of up to so many MiB travel through PostgreSQL, unless --checkpoints is given (default: 256).",
)
def main(
    name: str | None,
    data: str | None,
    backbone: str | None,
    weights: Path | None,
    on: str,
    folds: int,
    seeds: int,
    epochs: int | None,
    files: tuple[Path, ...],
    workers: int | None,
    device: str,
    cache: Path | None,
    quiet: bool,
    storage: str | None,
    runs: Path,
    **kept: Any,
) -> None:
    """Train the final recipe of a study for use.

    The same line goes on after Ctrl-C, joins from another server, and shows the outcome after the end.
    """
    with collector_paused():
        from search.find import find_study
        from search.retrain_request import wanted
        from search.retrained import carry
        from storage.store import Store

    url = storage_url(storage, runs)
    study = find_study(Store.connect(url), name)
    asked = wanted(study, backbone, weights, on, folds, seeds, epochs)  # type: ignore[arg-type]
    given = (*files, weights) if weights else files
    carry(study, asked, url, data, cache, given, workers=workers, device=device, runs=runs, quiet=quiet, **kept)


if __name__ == "__main__":
    surroundings.enter()
    run(main)

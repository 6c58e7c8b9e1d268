"""`python -m search.export_model --out model`: the answer of a study as one folder that timm and torch load."""

from pathlib import Path
from typing import Any

import click

from search.data_options import data_options, source_options
from search.edge import run
from search.options import checkpoints_option, runs_option, storage_option, storage_url


@click.command("export_model")
@click.option("--study", "--name", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@click.option(
    "--trial", metavar="PHASE#N", help="Which trial (default: the best confirmed one of what the study recommends)."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder, which is made."
)
@data_options
@storage_option
@runs_option
@checkpoints_option
def main(
    name: str | None,
    trial: str | None,
    out: Path,
    data: str,
    storage: str | None,
    runs: Path,
    checkpoints: str | None,
    **options: Any,
) -> None:
    """Write weights, recipe, class names, normalisation, versions and a model card into one folder.

    docs/use.md shows the lines of plain timm and torch that load it. --data, the study's data, is asked for only where
    the database does not hold what images are normalised by: studies of an earlier release, and runs that were trained
    on every image.
    """
    from search.chosen import choose
    from search.dataset import dataset_of
    from search.exporting import export
    from search.find import find_study
    from search.folder import RunFolder
    from storage.checkpoints import checkpoints_at
    from storage.store import Store

    study = find_study(Store.connect(storage_url(storage, runs)), name)
    place = checkpoints_at(checkpoints or RunFolder.at(study, runs).checkpoints, study.instance)
    chosen = choose(study, trial, place)
    model = export(chosen, out, lambda: dataset_of(study, data, source_options(**options)))
    size = sum(tensor.nbytes for tensor in model.weights.values()) / 2**20
    score = "" if chosen.score is None else f", {model.about.metric} {chosen.score:.4f} on its validation part"
    click.echo(f"{study.name}/{chosen.trial}: {model.recipe.backbone_name}, {size:.1f} MiB{score}")
    click.echo(f"written: {out}; use it: python -m search.predict --model {out} --data PICTURES --out answers.csv")


if __name__ == "__main__":
    run(main)

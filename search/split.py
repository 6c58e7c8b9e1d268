"""`python -m search.split --data photos`: how data are split, and what a split that ignores groups would pretend."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.data_options import data_options, source_options
from search.edge import UserError, run

if TYPE_CHECKING:
    import torch

    from trainer.data import Dataset, Source, SourceOptions
    from trainer.recipe import Recipe
    from trainer.replicate import Replicate

TEST_FRACTION = 1 / 6


@click.command("split")
@data_options
@click.option(
    "--test-fraction", type=float, default=TEST_FRACTION, metavar="SHARE", help="Share held out as test (default: 1/6)."
)
@click.option("--folds", type=click.IntRange(2, 50), default=5, show_default=True)
@click.option("--classes", is_flag=True, help="Show how many images of each class stand where.")
@click.option("--measure", is_flag=True, help="Train on splits by group and on random ones, and show both scores.")
@click.option("--epochs", type=click.IntRange(2), default=8, show_default=True, help="With --measure.")
@click.option("--backbone", metavar="NAME", help="With --measure: any timm backbone (default: test_resnet).")
@click.option("--replicates", type=click.IntRange(2, 100), default=3, show_default=True, help="With --measure.")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="With --measure: any field of the recipe, lr=0.004."
)
@click.option(
    "--device", envvar="CETERIS_DEVICE", default="auto", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N."
)
def main(
    data: str,
    test_fraction: float,
    folds: int,
    classes: bool,
    measure: bool,
    epochs: int,
    backbone: str | None,
    replicates: int,
    settings: tuple[str, ...],
    device: str,
    **given: Any,
) -> None:
    """Say what the data are and how they are split: test part, folds, groups, classes that are missing somewhere.

    With --measure the same recipe is trained on folds cut by group and on folds cut at random, and the difference told:
    so much would a random split pretend. The test part stays closed.
    """
    from trainer.data import open_source
    from trainer.replicate import Replicate
    from trainer.sources.duplicates import duplicate_notes
    from trainer.split import split_report

    options = source_options(**given)
    source = open_source(data, options)
    report = split_report(source, folds, test_fraction)
    click.echo(f"{source.name} ({source.kind})")
    told = (*source.notes, *duplicate_notes(source), *report.lines())
    for line in (*told, *(("", *report.classes()) if classes else ())):
        click.echo(line)
    if measure:
        short = (f"decay_epochs={max(1, epochs // 3)}",) if epochs < 5 else ()
        wanted = (*short, f"epochs={epochs}", *((f'backbone="{backbone}"',) if backbone else ()), *settings)
        recipe, place = _recipe(source, wanted, device)
        dataset = _decoded(source, recipe, options, test_fraction)
        _tell_cost(dataset, recipe, [Replicate.numbered(number, folds) for number in range(replicates)], place)


def _recipe(source: "Source", settings: tuple[str, ...], device: str) -> "tuple[Recipe, torch.device]":
    """The baseline of the studies with `settings`, as it would be trained here. Raises one-line errors."""
    from search import ask, preflight
    from search.precision import unmeasured
    from search.resolve import resolve
    from spaces.catalog import definition_named
    from spaces.overrides import override
    from trainer.metrics import check_metric

    paths = tuple(f"baseline.{setting.removeprefix('baseline.')}" for setting in settings)
    asked = override(definition_named("lr_aug"), paths)
    ask.check_backbone(asked.baseline.backbone)
    check_metric(asked.baseline.metric)
    ground = preflight.ground(device, Path())
    ground.require()
    return resolve(asked, source, unmeasured(ground.device)).baseline, ground.device


def _decoded(source: "Source", recipe: "Recipe", options: "SourceOptions", test_fraction: float) -> "Dataset":
    from search.decoding import decode_progress
    from search.resolve import geometry_of
    from trainer.data import load

    with decode_progress(False) as progress:
        return load(
            source,
            geometry_of(recipe),
            test_fraction,
            cache=options.cache,
            progress=progress,
            skip_broken=options.skip_broken,
        )


def _tell_cost(data: "Dataset", recipe: "Recipe", replicates: "list[Replicate]", device: "torch.device") -> None:
    import torch

    from trainer.metrics import shown_metric
    from trainer.split_cost import Flattery, pairs
    from trainer.state import RunError

    torch.set_num_threads(1)
    click.echo("")
    click.echo(
        f"{2 * len(replicates)} runs of {recipe.backbone_name}, {recipe.epochs} epochs at {recipe.image_size} px"
    )
    metric = shown_metric(recipe.metric)
    width = max(len(metric), len("replicate 99"))
    click.echo(f"{metric.ljust(width)}  by group  random")
    found = []
    try:
        for pair in pairs(data, recipe, replicates, device):
            found.append(pair)
            click.echo(f"{f'replicate {pair.replicate}'.ljust(width)}  {pair.by_group:8.3f}  {pair.random:6.3f}")
    except RunError as error:
        raise UserError(str(error)) from error
    cost = Flattery(tuple(found))
    click.echo(f"{'mean'.ljust(width)}  {cost.by_group:8.3f}  {cost.random:6.3f}")
    click.echo(f"difference {cost.difference:.3f}, spread of the pairs {cost.spread:.3f}")
    click.echo(cost.sentence)


if __name__ == "__main__":
    run(main)

"""`python -m search.launch --study lr_aug`: start a study, join it, go on with it, or show its answer."""

from pathlib import Path

import click

from search.edge import UserError, run
from search.options import runs_option, shown_storage, storage_option, storage_url


@click.command("launch")
@click.option("--study", "definition_name", metavar="NAME", help="Study definition, for example lr_aug.")
@click.option("--name", metavar="NAME", help="Name of the stored study (default: the definition's, with the data's).")
@click.option(
    "--data",
    envvar="CETERIS_DATA",
    default="digits",
    metavar="DATA",
    help="digits (default) or a folder of class folders.",
)
@storage_option
@runs_option
@click.option("--backbone", metavar="NAME", help="Any timm backbone (default: test_resnet).")
@click.option("--weights", type=click.Path(path_type=Path), help="Local weights file for the backbone.")
@click.option(
    "--set",
    "settings_",
    multiple=True,
    metavar="PATH=VALUE",
    help="Any field: baseline.epochs=30, baseline.loss=focal.",
)
@click.option(
    "--seed", type=click.IntRange(0, 999_999), help="Study seed: other replicates, another run of luck (default: 0)."
)
@click.option("--trials", type=click.IntRange(1), help="At most so many trials in each screen.")
@click.option(
    "--workers",
    envvar="CETERIS_WORKERS",
    type=click.IntRange(1, 256),
    help="Workers on this host (default: one per core or GPU).",
)
@click.option(
    "--device", envvar="CETERIS_DEVICE", default="auto", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N."
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan and stop.")
@click.option("--quiet", is_flag=True, help="Print the answer only.")
@click.option(
    "--wait-for-db",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for the database at first contact.",
)
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(0),
    default=30.0,
    metavar="SECONDS",
    help="Seconds between checkpoints of a run (default: 30).",
)
@click.option("--lease-seconds", type=click.FloatRange(1), default=30.0, hidden=True)  # shorter in tests only
def main(
    definition_name: str | None,
    name: str | None,
    data: str,
    storage: str | None,
    runs: Path,
    backbone: str | None,
    weights: Path | None,
    settings_: tuple[str, ...],
    seed: int | None,
    trials: int | None,
    workers: int | None,
    device: str,
    plan_only: bool,
    quiet: bool,
    wait_for_db: float,
    checkpoint_every: float,
    lease_seconds: float,
) -> None:
    """Explore one factor at a time and say which value wins, by how much, and how sure that is.

    The same line on another server joins the study; after Ctrl-C it goes on; after the end it shows the answer.

    Exit codes: 0 answered (or planned), 1 a bug or a lost worker, 2 a mistake in what was asked, 3 the database
    cannot be reached, 4 this machine is not ready, 5 joining refused, 130 interrupted.
    """
    if definition_name is None:
        from spaces.catalog import DEFINITIONS

        raise UserError(f"say which study: --study {' or --study '.join(sorted(DEFINITIONS))}")
    from search import ask

    short = ask.shorthand_settings(backbone, weights, seed, trials, definition_name)
    asked = ask.asked_definition(definition_name, (*short, *settings_))

    from search import fleet, preflight
    from search.folder import RunFolder
    from search.join import create_or_join, facts_of, resolve
    from search.outcome import tell_answer, tell_plan
    from search.supervise import carry_to_answer
    from storage.names import check_study_name
    from storage.store import Store
    from trainer.data import load, open_source

    ask.check_backbone(asked.baseline.backbone)
    study_name = check_study_name(name or ask.default_name(definition_name, data))
    url = storage_url(storage, runs)
    ground = preflight.ground(device, runs)
    source = open_source(data)
    facts = facts_of(source, asked.test_fraction)
    resolved = resolve(asked, source, preflight.precision_on(ground.device))
    baseline = resolved.baseline
    dataset = load(source, baseline.image_size, baseline.channels, asked.test_fraction)
    devices = preflight.places(ground, workers, dataset.images.nbytes)
    if plan_only:
        tell_plan(resolved, dataset, devices, weights)
        return

    store = Store.connect(url, wait=wait_for_db)
    study, created = create_or_join(store, study_name, asked, resolved, source, facts, data)
    folder = RunFolder.of(study, runs)
    if study.headline() is None:
        if not quiet:
            click.echo(f"{'new study' if created else 'joining study'} {study.name} on {facts.words}")
            click.echo(f"database {shown_storage(store.url_without_secret)}")
        if created and not quiet:
            tell_plan(study.definition, dataset, devices, weights)
        del dataset
        arguments = ["--name", study.name, "--data", data, "--folder", str(folder.checkpoints)]
        arguments += ["--checkpoint-every", f"{checkpoint_every:g}", "--lease-seconds", f"{lease_seconds:g}"]
        arguments += [*(["--weights", str(weights)] if weights else [])]
        crew = fleet.Fleet(arguments, {"CETERIS_STORAGE": url}, folder.logs)
        carry_to_answer(study, crew, devices, quiet)
    tell_answer(study, folder)


if __name__ == "__main__":
    run(main)

"""`python -m search.launch --study lr_aug`: start a study, join it, go on with it, or show its answer."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search import surroundings
from search.data_options import data_options
from search.durations import Duration
from search.edge import UserError, run
from search.loading import collector_paused
from search.options import checkpoints_option, hours_until, runs_option, storage_option, tracking_options
from search.tunnel import through, via_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.ask import Request


@click.command("launch")
@click.option(
    "--study",
    "studies",
    multiple=True,
    metavar="NAME",
    help="Study definition, for example lr_aug. Of several the first that has work is served (docs/fleet.md).",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Name of the stored study (default: the definition's, with the data's); of several one each.",
)
@data_options
@storage_option
@runs_option
@click.option("--backbone", metavar="NAME", help="Any timm backbone (default: test_resnet).")
@click.option("--weights", type=click.Path(path_type=Path), help="Local weights file for the backbone.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Any field: baseline.epochs=30, baseline.loss=focal; of one study of several: heads:baseline.epochs=30.",
)
@click.option(
    "--try",
    "tries",
    multiple=True,
    metavar="FACTOR=VALUE",
    help="One value more to compare: loss=asymmetric, augment=custom:my_augments.py:Fog.",
)
@click.option("--metric", metavar="NAME", help="macro_f1 (default), accuracy, or one of torchmetrics: cohen_kappa, ...")
@click.option(
    "--code",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A Python file of your own that custom:FILE.py:NAME names (default: looked for in this folder).",
)
@click.option("--trust-code", is_flag=True, help="Run the code that is kept with the study when its file is not here.")
@click.option(
    "--seed", type=click.IntRange(0, 999_999), help="Study seed: other replicates, another run of luck (default: 0)."
)
@click.option("--trials", type=click.IntRange(1), help="At most so many trials in each screen.")
@click.option(
    "--decide",
    type=click.Choice(["mean", "strict"]),
    help="Carry the highest mean of the finals (default), or a challenger only if a claim is made for it.",
)
@click.option(
    "--min-gain",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SCORE",
    help="Carry a challenger only if it leads by so much: 0.002 is 0.2 points (default: 0).",
)
@click.option("--quick", is_flag=True, help="One replicate decides; a launch without it adds the error bars.")
@click.option("--ablation", is_flag=True, help="In the end put each winner back, to see what it is worth.")
@click.option(
    "--hours",
    type=click.FloatRange(0, min_open=True),
    metavar="HOURS",
    help="Fit a new study into a time: fewer replicates, values and epochs, least missed first.",
)
@click.option("--until", metavar="TIME", help="The same by the clock: 18:00, or '2026-11-30 18:00'.")
@click.option(
    "--workers",
    envvar="CETERIS_WORKERS",
    type=click.IntRange(1, 256),
    help="Workers on this host (default: one per core or GPU).",
)
@click.option(
    "--device", envvar="CETERIS_DEVICE", default="auto", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N."
)
@click.option(
    "--fleet",
    metavar="DEVICES",
    help="What will join, so that the number format suits all: cpu, V100, H100, 7.5, ... (default: more of this one).",
)
@click.option(
    "--speculate",
    type=click.Choice(["on", "off"]),
    default="on",
    help="Whether a worker with nothing to do trains ahead what a claim will want (default: on).",
)
@tracking_options
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan and stop.")
@click.option("--quiet", is_flag=True, help="Print the answer only.")
@click.option(
    "--wait-for-db",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for the database at first contact.",
)
@checkpoints_option
@click.option(
    "--weights-in-db",
    type=click.FloatRange(0),
    default=64.0,
    metavar="MIB",
    help="Best weights of up to so many MiB travel through PostgreSQL, unless --checkpoints is given (default: 64).",
)
@click.option(
    "--db-patience",
    type=click.FloatRange(0),
    default=3600.0,
    metavar="SECONDS",
    help="Train on so long while the database is away, then give up (default: 3600).",
)
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(0),
    default=30.0,
    metavar="SECONDS",
    help="Seconds between checkpoints of a run (default: 30).",
)
@click.option(
    "--idle-exit", type=Duration(), metavar="TIME", help="A worker with nothing to do for so long leaves: 5m."
)
@click.option("--resume", is_flag=True, help="Go on with a study that search.stop has stopped.")
@click.option("--detach", "detached", is_flag=True, help="In the background, whatever becomes of this terminal.")
@via_option
@click.option("--lease-seconds", type=click.FloatRange(1), default=30.0, hidden=True)  # shorter in tests only
def main(
    plan_only: bool,
    detached: bool,
    via: str | None,
    **given: Any,
) -> None:
    """Explore one factor at a time and say which value wins, by how much, and how sure that is.

    The same line on another server joins the study; after Ctrl-C it goes on; after the end it shows the answer.

    Exit codes: 0 answered (or planned), 1 a bug or a lost worker, 2 a mistake in what was asked, 3 the database
    cannot be reached, 4 this machine is not ready, 5 joining refused, 7 the time of this host is over, 130
    interrupted.
    """
    from search import several

    given["hours"] = _hours(given["hours"], given.pop("until"))
    if given["quick"] and given["ablation"]:
        raise UserError("an ablation is told with error bars, which --quick leaves out; give one of the two")
    requests = several.requests(**given)
    if detached:
        from search.detach import detach

        detach([request.study_name for request in requests], requests[0].runs)
        return
    with through(via, requests[0].storage) as storage:
        _launch([dataclasses.replace(request, storage=storage) for request in requests], plan_only)


def _launch(requests: "Sequence[Request]", plan_only: bool) -> None:
    from search import several

    several.check(requests)  # before anything heavy is loaded

    with collector_paused():
        from search import preflight

        ground = preflight.ground(requests[0].device, requests[0].runs)

        from search.together import carry, starts_of, tell_plans

    starts = starts_of(requests, ground)
    if plan_only:
        tell_plans(starts)
    else:
        carry(starts)


def _hours(hours: float | None, until: str | None) -> float | None:
    if until is None:
        return hours
    if hours is not None:
        raise UserError("give --hours or --until, not both")
    return hours_until(until)


if __name__ == "__main__":
    surroundings.enter()
    run(main)

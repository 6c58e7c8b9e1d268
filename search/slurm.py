"""`python -m search.slurm --study lr_aug --workers 8`: workers of one study as jobs of a Slurm cluster."""

from pathlib import Path
from typing import Any

import click

from search import surroundings
from search.edge import UserError, run
from search.options import runs_option


@click.command("slurm")
@click.option("--study", "studies", multiple=True, metavar="NAME", help="Study definition, for example lr_aug.")
@click.option(
    "--workers", type=click.IntRange(1, 1000), default=1, show_default=True, help="So many jobs, one worker each."
)
@click.option("--partition", metavar="NAME", help="Where the workers run (default: the cluster's).")
@click.option("--account", metavar="NAME", help="Whom it is charged to.")
@click.option(
    "--time",
    "walltime",
    default="4:00:00",
    show_default=True,
    metavar="TIME",
    help="Of each job: 90, 4:00:00, 1-12:00:00.",
)
@click.option("--gpus-per-task", "gpus", type=click.IntRange(0, 16), default=1, show_default=True, help="0: on CPUs.")
@click.option("--cpus", type=click.IntRange(1), help="CPUs of each job (default: the cluster's).")
@click.option("--mem", metavar="SIZE", help="Memory of each job: 16G (default: the cluster's).")
@click.option("--sbatch", "more", multiple=True, metavar="KEY=VALUE", help="Anything else: qos=low, constraint=a100.")
@click.option(
    "--requeue",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="So often a job whose time is over is queued again.",
)
@click.option(
    "--margin",
    type=click.FloatRange(20),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="Workers are gone so long before the limit.",
)
@click.option("--storage", envvar="CETERIS_STORAGE", metavar="URL", help="A PostgreSQL that all nodes reach.")
@click.option("--serve-db", is_flag=True, help="Run the database as a job of its own.")
@click.option("--db-partition", metavar="NAME", help="Where that job runs (default: --partition).")
@click.option("--db-time", metavar="TIME", help="Its time (default: --time).")
@click.option("--db-sbatch", "db_more", multiple=True, metavar="KEY=VALUE", help="Like --sbatch, for that job.")
@click.option("--db-folder", type=click.Path(path_type=Path), help="On the node's own disk (default: its TMPDIR).")
@runs_option
@click.option("--local", is_flag=True, help="Without Slurm, as processes of this machine: to try the line.")
@click.option("--logs", "job", metavar="JOB", help="Show the logs of a job, and end.")
@click.option("--where", is_flag=True, help="Print the URL of the database that --serve-db runs, and end.")
@click.argument("launch_words", nargs=-1, metavar="[-- OPTIONS OF search.launch]")
def main(
    runs: Path,
    job: str | None,
    where: bool,
    studies: tuple[str, ...],
    **given: Any,
) -> None:
    """Submit workers of a study as an array of jobs. The same line again adds more of them.

    Nothing is begun that cannot end within the time of a job. Before the limit, and when a job is preempted, what runs
    is saved and the job is queued again, until the study is answered.
    """
    from search.slurm_logs import show

    if job is not None:
        show(runs, job)
        return
    from search.slurm_submit import Order

    if len(studies) > 1:
        raise UserError("an array of jobs is of one study; the line once for each --study, and they share the database")
    order = Order.of(runs=runs.absolute(), definition_name=studies[0] if studies else None, **given)
    if where:
        from search.slurm_address import Address

        address = Address.read(order.shared)
        if address is None or not address.open:
            raise UserError(f"no database of {order.name} is served now; see squeue and {order.shared}")
        click.echo(address.url(order.shared))
        return
    for line in order.submit():
        click.echo(line)


if __name__ == "__main__":
    surroundings.enter()  # takes a password out of the command line
    run(main)

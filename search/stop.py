"""`python -m search.stop --name NAME [--now]`: stop a study on every server that works on it."""

import getpass
import socket
from pathlib import Path

import click

from search.edge import run
from search.options import runs_option, storage_option, storage_url
from search.tunnel import through, via_option


@click.command("stop")
@click.option("--name", "--study", "name", metavar="NAME", required=True, help="Name of the stored study.")
@storage_option
@runs_option
@via_option
@click.option("--now", is_flag=True, help="After the epoch that runs, with a checkpoint, not after the trial.")
def main(name: str, storage: str | None, runs: Path, via: str | None, now: bool) -> None:
    """Let every worker of a study, on every server, finish its trial and leave; none begins another.

    Nothing is lost. `search.launch --resume` goes on with it.
    """
    from search.find import find_study
    from search.snapshot import take
    from storage.store import Store

    with through(via, storage_url(storage, runs)) as url:
        store = Store.connect(url)
        study = find_study(store, name)
        store.stop(study.study_id, "now" if now else "drain", f"{user()}@{socket.gethostname()}")
        snapshot = take(study)
        busy = sum(row.state == "RUNNING" for row in snapshot.trained)
        hosts = len({worker.host for worker in snapshot.alive})
        until = "the end of the epoch, saved" if now else "the end of the trial"
        count = len(snapshot.alive)
        who = f"{'1 worker' if count == 1 else f'{count} workers'} on {hosts} host{'' if hosts == 1 else 's'}"
        who += f" ({busy} training) will leave at {until}"
        click.echo(f"{name} is stopped: {who if snapshot.alive else 'no worker was at work on it'}")
        click.echo("to see them go: python -m search.status; to go on: the same launch line with --resume")
        store.close()


def user() -> str:
    """The name of whoever runs this, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


if __name__ == "__main__":
    run(main)

"""`python -m storage.serve`: a PostgreSQL of one's own, for teams that have pip and nothing else."""

import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from storage.cluster import Cluster

EXIT_BUG, EXIT_MISTAKE = 1, 2
POLL_SECONDS = 0.5


@click.command("serve")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs", "postgres"),
    show_default=True,
    help="Where the data lie, on a local disk.",
)
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="0.0.0.0: every address.")
@click.option("--port", type=click.IntRange(1, 65535), default=5432, show_default=True)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take the password of the role ceteris from the first line of this file (default: one is made).",
)
@click.option("--open", "opened", is_flag=True, help="Yes, let other machines in: --listen beyond this machine.")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--stop", is_flag=True, help="Stop the server of this folder.")
@click.option("--backup", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also while it runs.")
@click.option("--restore", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Into a new folder.")
def main(
    folder: Path,
    listen: str,
    port: int,
    password_file: Path | None,
    opened: bool,
    detach: bool,
    stop: bool,
    backup: Path | None,
    restore: Path | None,
) -> None:
    """Serve a PostgreSQL database from the folder; started again it has the same data.

    Every connection needs a password, from this machine too. Passwords are made once and lie beside the data, in files
    that only you can read. Ctrl-C stops it; workers wait for it and go on when it is back.
    """
    from storage import cluster_backup, cluster_roles
    from storage.cluster import Cluster
    from storage.cluster_settings import is_loopback
    from storage.errors import StorageRefused

    cluster = Cluster.at(folder)
    if backup is not None:
        size = cluster_backup.backup(cluster, backup)
        click.echo(f"{backup}: {size:,} bytes; to bring it back: --folder NEW --restore {backup}")
    elif restore is not None:
        cluster_backup.restore(cluster, restore)
        click.echo(f"{cluster.folder} holds what {restore} holds; the same command without --restore serves it")
    elif stop:
        click.echo(f"{'stopped' if cluster.stop() else 'nobody serves'} {cluster.folder}")
    else:
        if not (opened or is_loopback(listen)):
            raise StorageRefused(
                f"--listen {listen} opens port {port} to every machine that can reach this one: each may try passwords,"
                " and what travels is not encrypted; say --open if that is wanted, or leave --listen away and join"
                " through ssh (search.launch --via user@host)"
            )
        cluster.check_free(listen, port)
        made = cluster.make()
        cluster.start(listen, port)
        try:
            cluster_roles.settle(cluster, port, password_file)
            for line in _words(cluster, listen, port, made):
                click.echo(line)
            if not detach:
                _watch(cluster)
        except BaseException:
            cluster.stop()
            raise


def _words(cluster: "Cluster", listen: str, port: int, made: bool) -> list[str]:
    """What people need to know: where it is, what to type here, what to type elsewhere."""
    from storage.cluster_settings import EVERYBODY, LOOPBACK, OWNER, READER, is_loopback

    found, account = cluster.running(), cluster.programs.account
    under = f", under the account {account.name}" if account else ""
    launch = "python -m search.launch --study lr_aug"
    elsewhere = cluster.password_file(OWNER).name
    host = socket.gethostname() if listen in EVERYBODY else listen
    tunnel = f" --via you@{socket.gethostname()}" if is_loopback(listen) else ""
    there = f"postgresql://{OWNER}@{LOOPBACK if tunnel else host}:{port}/ceteris?passfile={elsewhere}"
    what, process = f"{'a new database in ' if made else ''}{cluster.folder}", found[0] if found else "?"
    lines = [
        f"PostgreSQL {cluster.programs.version} serves {what} on {listen}:{port} (process {process}{under})",
        f'here            {launch} --storage "{cluster.url(OWNER, LOOPBACK, port)}"',
        f"another server  copy {cluster.password_file(OWNER)} there, readable to you alone (chmod 600), then",
        f'                {launch}{tunnel} --storage "{there}"',
        f"only reading    {cluster.url(READER, LOOPBACK, port)}",
        f"backup          python -m storage.serve --folder {cluster.folder} --backup FILE",
    ]
    if not is_loopback(listen):
        lines.append("warning: other machines can try passwords here, and what travels is not encrypted")
    return lines


def _watch(cluster: "Cluster") -> None:
    """Return when asked to stop. Raises StorageUnreachable when the server ends by itself."""
    from storage.errors import StorageUnreachable

    click.echo("Ctrl-C stops it; the same line starts it again, with the same data")
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ask)
    while not asked:
        time.sleep(POLL_SECONDS)
        if cluster.running() is None:
            raise StorageUnreachable(f"PostgreSQL has ended; last in {cluster.log}: {cluster.last_words()}")
    cluster.stop()
    click.echo("stopped; nothing is lost")


def run() -> None:
    """A mistake is one line on stderr and an exit code, a bug keeps its traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace", line_buffering=True)
    try:
        main.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()} (python -m storage.serve --help shows what is allowed)", err=True)
        sys.exit(EXIT_MISTAKE)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except Exception as error:
        known = getattr(sys.modules.get("storage.errors"), "StorageError", ())
        if not isinstance(error, known):
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_MISTAKE)


if __name__ == "__main__":
    run()

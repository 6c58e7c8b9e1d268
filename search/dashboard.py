"""`python -m search.dashboard`: browse the studies of a database, read-only, with Optuna's dashboard."""

from pathlib import Path

import click

from search.edge import run
from search.options import runs_option, storage_option, storage_url


@click.command("dashboard")
@storage_option
@runs_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a login.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes any free one.")
@click.option("--write", is_flag=True, help="Let notes and attributes be edited (default: nothing can be changed).")
@click.option(
    "--password-file",
    envvar="CETERIS_DASHBOARD_PASSWORD_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ask for the password in this file (or for CETERIS_DASHBOARD_PASSWORD).",
)
@click.option(
    "--token-file",
    envvar="CETERIS_DASHBOARD_TOKEN_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Let programs in that send the token in this file (Authorization: Bearer ...).",
)
@click.option(
    "--hash-password", is_flag=True, help="Ask for a password, print what a password file may hold, and stop."
)
@click.option("--allow-host", multiple=True, metavar="NAME", help="A name under which browsers may come here.")
@click.option(
    "--data",
    envvar="CETERIS_DATA",
    metavar="DATA",
    help="Where the images of the studies lie: needed to show the worst mistakes (built-in data: nothing to give).",
)
def main(
    storage: str | None,
    runs: Path,
    host: str,
    port: int,
    write: bool,
    password_file: Path | None,
    token_file: Path | None,
    hash_password: bool,
    allow_host: tuple[str, ...],
    data: str | None,
) -> None:
    """Serve Optuna's dashboard and a page for every study until Ctrl-C.

    Nothing can be changed from there, unless --write is given. Only this computer can reach it; on a server, look at it
    from your desk with the ssh line that is printed. With another --host a login is asked for.
    """
    from search.login import Secrets, hashed

    if hash_password:
        click.echo(hashed(click.prompt("Password", hide_input=True, confirmation_prompt=True)))
        return
    from search.web_server import Place, serve

    place = Place(host, port, allow_host, write, Secrets.given(password_file, token_file))
    place.check()
    serve(place, storage_url(storage, runs), data)


if __name__ == "__main__":
    run(main)

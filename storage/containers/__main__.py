"""`python -m storage.containers`: the secrets that docker-compose.yml mounts, made once, each in a file of its own."""

import json
import os
import secrets
from pathlib import Path

import click

PASSWORDS = ("db_password", "reader_password", "dashboard_password")


@click.command("containers")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("secrets"), show_default=True)
def main(folder: Path) -> None:
    """Make the passwords of database, reader and dashboard, and the key of the S3 server. What is there stays."""
    for name in make(folder):
        click.echo(f"made {folder / name}")
    click.echo(f"the dashboard's password is in {folder / 'dashboard_password'}; keep {folder} out of version control")


def make(folder: Path) -> list[str]:
    """Write what is missing; the names of the files that were written.

    Files can be read by whoever may enter the folder, which is its owner alone: containers see the files, not the
    folder, under a user of their own.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        folder.chmod(0o700)
    made = [name for name in PASSWORDS if _write(folder / name, secrets.token_urlsafe(24) + "\n")]
    key, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
    if _write(folder / "s3_config", json.dumps(_identities(key, secret), indent=2) + "\n"):
        (folder / "s3.env").unlink(missing_ok=True)
        _write(folder / "s3.env", f"AWS_ACCESS_KEY_ID={key}\nAWS_SECRET_ACCESS_KEY={secret}\n")
        made += ["s3_config", "s3.env"]
    return made


def _identities(key: str, secret: str) -> dict[str, object]:
    """The one account of the S3 server, as SeaweedFS reads it."""
    credentials = [{"accessKey": key, "secretKey": secret}]
    return {"identities": [{"name": "ceteris", "credentials": credentials, "actions": ["Admin", "Read", "Write"]}]}


def _write(file: Path, text: str) -> bool:
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    if os.name == "posix":
        file.chmod(0o644)
    return True


if __name__ == "__main__":
    main()

"""What PostgreSQL refuses and no waiting mends, in one line that says what to do; no line holds a password."""

import os
import stat
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from storage.urls import without_secret

READ_ONLY = "25006"
PASSWORD_FILE = "CETERIS_STORAGE_PASSWORD_FILE"
WAYS = f"?passfile=FILE in the URL, PGPASSFILE, {PASSWORD_FILE}, PGPASSWORD or PGSERVICE"


def refusal(error: DBAPIError, url: URL) -> str | None:
    """One line for a person; None for whatever else went wrong (an outage, a lock, a bug)."""
    text = " ".join(str(error.orig).split())
    user, shown, state = url.username or "you", without_secret(url), getattr(error.orig, "sqlstate", None)
    if "no password supplied" in text:
        return f"{shown} wants a password for {user}, and {_missing(url)}"
    if "password authentication failed" in text or state == "28P01":
        return f"{shown} does not accept the password for {user}; it is taken from {WAYS}"
    if "no pg_hba.conf entry" in text:
        why = ", without TLS" if "no encryption" in text else ""
        return f"the server of {shown} does not let {user} into that database from this machine{why}: ask who runs it"
    if " does not exist" in text and "database " in text:
        return f"there is no database {url.database!r} at {shown}: createdb makes one, or name another"
    if " does not exist" in text and "role " in text:
        return f"there is no user {user!r} at {shown}: name another, or createuser makes one"
    if "definition of service" in text or "service file" in text:
        return f"{_told(text)}: PGSERVICE or ?service= must name a section of PGSERVICEFILE or ~/.pg_service.conf"
    if "invalid connection option" in text or "invalid sslmode value" in text:
        return f"{shown} asks for something that no connection has: {_told(text)}"
    if any(word in text for word in ("SSL", "certificate", "private key file")) and "closed" not in text:
        return (
            f"no TLS connection to {shown}: {_told(text)};"
            " sslmode, sslrootcert, sslcert and sslkey in the URL say what is asked and trusted"
        )
    if state == "42501":
        return (
            f"{user} may not write at {shown} ({_told(text)}): use a role that may;"
            " to look at a study, one that only reads will do once the study is there"
        )
    if state == READ_ONLY:
        return f"{user} may only read at {shown}: use a role that may write"
    return None


def _missing(url: URL) -> str:
    """Why there is no password, as far as it can be seen from here."""
    named = url.query.get("passfile") or os.environ.get("PGPASSFILE")
    if not isinstance(named, str):
        return f"none was given; it is taken from {WAYS}"
    file = Path(named)
    if not file.is_file():
        return f"there is no password file {file}"
    if os.name != "nt" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"the password file {file} can be read by others, so it is not used: chmod 600 {file}"
    return f"the password file {file} has no line for it (host:port:database:user:password)"


def _told(text: str) -> str:
    """The driver's message without its preface."""
    for preface in ("connection failed: ", "connection is bad: "):
        text = text.removeprefix(preface)
    return text.split(" failed: ", 1)[-1]

"""Password files in the format of PostgreSQL's clients (host:port:database:user:password), for one reader alone."""

import os
import secrets
from pathlib import Path

from storage.errors import StorageRefused


def password_of(file: Path, user: str, given: str | None = None) -> str:
    """The password of `user` in its file, which is made, with `given` or a new password, where there is none.

    A `given` password replaces the one in the file.
    """
    if file.exists() and given is None:
        return _read(file)
    password = given or secrets.token_urlsafe(24)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    write_secret(file, f"*:*:*:{user}:{escaped}\n")
    return password


def first_line(file: Path) -> str:
    """A password that stands alone in a file, as secrets are handed to containers. Raises StorageRefused."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise StorageRefused(f"the password file {file} cannot be read: {why}") from None
    if not lines or not lines[0]:
        raise StorageRefused(f"the password file {file} is empty: its first line is the password")
    return lines[0]


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(6)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    part.replace(file)


def _read(file: Path) -> str:
    fields, field, text = [], "", first_line(file)
    position = 0
    while position < len(text):
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
            field += text[position]
        elif text[position] == ":" and len(fields) < 4:
            fields.append(field)
            field = ""
        else:
            field += text[position]
        position += 1
    if len(fields) < 4 or not field:
        raise StorageRefused(f"the password file {file} is not of the form host:port:database:user:password")
    return field

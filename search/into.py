"""A block of a person's own file, kept up to date between two marks; the rest of the file stays as it is."""

import os
import stat
import uuid
from collections.abc import Sequence
from pathlib import Path

from search.edge import UserError


def marks(study: str) -> tuple[str, str]:
    return f"<!-- ceteris:begin {study} -->", f"<!-- ceteris:end {study} -->"


def put_into(file: Path, study: str, lines: Sequence[str]) -> bool:
    """Write `lines` between the marks of `study`, at the end where there are none; whether anything changed.

    Whole or not at all. The file's line ends and its mode are kept. Raises `UserError` in one line.
    """
    file = file.resolve()
    before = _text(file)
    after = _with_block(before, file, study, lines)
    if after == before:
        return False
    part = file.with_name(f".{file.name}-{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(after.encode("utf-8"))
        part.chmod(stat.S_IMODE(file.stat().st_mode))
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"cannot write {file} ({error.strerror}); it is as it was") from None
    return True


def _text(file: Path) -> str:
    if not file.is_file():
        raise UserError(f"there is no file {file}; make it, or give --into another one")
    if not file.stat().st_mode & 0o222 or not os.access(file, os.W_OK):
        raise UserError(f"{file} may not be written; give it write permission, or give --into another file")
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text; give --into a Markdown file") from None
    except OSError as error:
        raise UserError(f"cannot read {file} ({error.strerror}); give --into another file") from None


def _with_block(text: str, file: Path, study: str, lines: Sequence[str]) -> str:
    begin, end = marks(study)
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join([begin, *lines, end])
    found = text.count(begin), text.count(end)
    if found == (0, 0):
        apart = "" if not text else newline if text.endswith(("\n", "\r")) else 2 * newline
        return text + apart + block + newline
    start, stop = text.find(begin), text.find(end)
    if found != (1, 1) or stop < start:
        raise UserError(f"{file} needs {begin} once and {end} once behind it; mend the marks, or remove them all")
    return text[:start] + block + text[stop + len(end) :]

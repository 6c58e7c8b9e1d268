"""The digests of files, remembered, so that a second start need not read every byte again."""

import hashlib
import json
import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

_RACY = 2_000_000_000  # ns; a younger file may be changed once more without its times showing it, as git knows


class _State(NamedTuple):
    """What changes when a file's content does."""

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int


class _Seen(NamedTuple):
    content: bytes | Exception
    state: _State | None  # None: not to be remembered


_Memo = dict[str, tuple[_State, bytes]]


def contents_of(files: Sequence[Path], cache: Path | None) -> list[bytes | Exception]:
    """sha256 of the bytes of each file, 32 bytes, or why it cannot be read. A pipe or a device is not waited for.

    With `cache` the digest of a file whose path, size, times and inode are unchanged comes from an index in that
    folder. A cache that cannot be read or written, or is damaged, only costs time.
    """
    places = [str(file.absolute()) for file in files]
    index = None if cache is None or not places else _index(cache, places)
    memo = {} if index is None else _read(index)
    # Not in threads: asking for the state of a file is too short a task for them.
    seen = [_known(file, memo.get(place)) for file, place in zip(files, places, strict=True)]
    unknown = [number for number, one in enumerate(seen) if one is None]
    with ThreadPoolExecutor() as pool:
        for number, read in zip(unknown, pool.map(lambda number: _read_through(files[number]), unknown), strict=True):
            seen[number] = read
    if index is not None and unknown:
        _remember(index, memo, {place: one for place, one in zip(places, seen, strict=True) if one is not None})
    return [one.content for one in seen if one is not None]


def _known(file: Path, known: tuple[_State, bytes] | None) -> _Seen | None:
    with suppress(OSError, ValueError):
        if known is not None and _state(file.stat()) == known[0]:
            return _Seen(known[1], known[0])
    return None


def _read_through(file: Path) -> _Seen:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            return _Seen(OSError("not a regular file"), None)  # a pipe would be waited for without end
        began, state = time.time_ns(), _state(found)
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
            settled = _state(os.fstat(stream.fileno())) == state
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        return _Seen(error, None)
    old = began - max(state.mtime_ns, state.ctime_ns) > _RACY
    return _Seen(content, state if settled and old else None)


def _state(found: os.stat_result) -> _State:
    return _State(found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)


def _index(cache: Path, places: Sequence[str]) -> Path:
    """One index for each data folder."""
    try:
        folder = os.path.commonpath(places)
    except ValueError:  # several drives
        folder = ""
    return cache / "fingerprints" / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}.json"


def _read(index: Path) -> _Memo:
    """A digest of the rest, a line break, JSON: {path: [size, mtime, inode, ctime, sha256]}. {} if it is not that."""
    try:
        digest, _, body = index.read_bytes().partition(b"\n")
        if digest != _digest(body):
            return {}
        return {
            place: (_State(*state), bytes.fromhex(content)) for place, (*state, content) in json.loads(body).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(index: Path, memo: _Memo, seen: dict[str, _Seen]) -> None:
    """Writes the index if it has changed. Of two processes the later one wins: what the other knew is read again."""
    now = {
        place: (one.state, one.content) for place, one in seen.items() if one.state and isinstance(one.content, bytes)
    }
    if all(memo.get(place) == entry for place, entry in now.items()):
        return
    kept = {place: entry for place, entry in memo.items() if place not in seen and Path(place).exists()} | now
    body = json.dumps({place: [*state, content.hex()] for place, (state, content) in kept.items()}).encode("ascii")
    partial = index.with_name(f"{index.stem}.{uuid4().hex}.partial")
    with suppress(OSError):
        index.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(_digest(body) + b"\n" + body)
            partial.replace(index)
        finally:
            partial.unlink(missing_ok=True)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode("ascii")

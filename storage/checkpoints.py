"""Checkpoint files: written whole or not at all, verified when read. What is inside is the caller's.

A file's name carries epoch and token, so that a worker that lost its trial never touches a file of the one who has it.
The pointer to a file is published afterwards, by a fenced write (`Store.report`): a file without one is rubbish.
"""

import errno
import hashlib
import os
import re
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Protocol

from storage.errors import CheckpointDamaged, CheckpointUnwritable
from storage.host import host_name
from storage.names import check_study_name
from storage.rows import CheckpointKind, CheckpointRow

_NAME = re.compile(r"(?P<kind>[a-z]+)-t(?P<token>\d+)-e(?P<epoch>\d+)\.ckpt")
HALF_WRITTEN = ".part"


class Checkpoints(Protocol):
    """Where checkpoints lie: a folder (CheckpointFolder), or a bucket (storage.bucket.CheckpointBucket)."""

    def write(
        self, study: str, trial_id: int, token: int, epoch: int, kind: CheckpointKind, payload: bytes
    ) -> CheckpointRow: ...

    def put(self, row: CheckpointRow, payload: bytes) -> None: ...

    def read(self, row: CheckpointRow) -> bytes: ...

    def remove(self, row: CheckpointRow) -> None: ...

    def prune(
        self, trial_id: int, keep: int = 2, study: str | None = None, kind: CheckpointKind | None = None
    ) -> None: ...

    def trials(self, study: str) -> set[int]: ...

    def check(self) -> None: ...


def checkpoints_at(place: str | Path, instance: str) -> Checkpoints:
    """The checkpoints of one study below a folder or an s3://bucket/prefix. Raises CheckpointUnwritable.

    `instance` is what tells the study from every other that was ever kept there.
    """
    if str(place).startswith("s3:"):
        from storage.bucket import CheckpointBucket  # what few need

        return CheckpointBucket(f"{str(place).rstrip('/')}/{instance}".rstrip("/"))
    return CheckpointFolder(Path(place) / instance)


def check_place(place: str) -> None:
    """Raises CheckpointUnwritable, one line, unless checkpoints can be written there."""
    checkpoints_at(place, "").check()


class CheckpointFolder:
    """`root`/study/trial id/kind-token-epoch.ckpt. Raises CheckpointUnwritable, CheckpointDamaged, one line each.

    A trial id is unique only within one database, and only until its study is deleted: every study, also one of a name
    used before, needs a root of its own.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(
        self, study: str, trial_id: int, token: int, epoch: int, kind: CheckpointKind, payload: bytes
    ) -> CheckpointRow:
        """Write one checkpoint durably. Returns the pointer to publish."""
        row = pointer(location_of(study, trial_id, token, epoch, kind), trial_id, token, epoch, kind, payload)
        self.put(row, payload)
        return row

    def put(self, row: CheckpointRow, payload: bytes) -> None:
        """Write the bytes that a pointer tells of: a temporary file, fsync, rename."""
        file = self._file(row)
        temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}{HALF_WRITTEN}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as stream:
                stream.write(payload)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
            _sync_folder(file.parent)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise CheckpointUnwritable(self._unwritable(len(payload), error)) from error

    def read(self, row: CheckpointRow) -> bytes:
        """The bytes of a checkpoint, verified. Raises CheckpointDamaged when they are not the ones written."""
        file = self._file(row)
        try:
            payload = file.read_bytes()
        except OSError as error:
            why = error.strerror or error
            raise CheckpointDamaged(f"checkpoint {file} (written on {row.host}) cannot be read: {why}") from error
        return verified(payload, row, str(file))

    def prune(self, trial_id: int, keep: int = 2, study: str | None = None, kind: CheckpointKind | None = None) -> None:
        """Delete all but the newest `keep` of each kind (or of one `kind`) of a trial.

        A file with the highest token is never deleted before one with a lower token, whatever their epochs. With none
        to keep, what killed writers left half written goes, too. `study` saves looking for the trial in every folder
        of the root. Missing files are no error.
        """
        folders = [self.root / study] if study is not None else self._studies()
        for folder in (each / str(trial_id) for each in folders):
            names = _names(folder)
            torn = [] if keep else [name for name in names if name.endswith(HALF_WRITTEN)]
            for name in (*outdated(names, keep, kind), *torn):
                with suppress(OSError):
                    (folder / name).unlink()
            with suppress(OSError):  # not empty: something is kept
                folder.rmdir()

    def trials(self, study: str) -> set[int]:
        """The ids of the trials of which there is something here."""
        return {int(name) for name in _names(self.root / study) if name.isdigit()}

    def check(self) -> None:
        """Write, and delete again, a few bytes. Raises CheckpointUnwritable."""
        probe = self.root / f".ceteris-{uuid.uuid4().hex}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"ceteris")
            probe.unlink()
        except OSError as error:
            raise CheckpointUnwritable(self._unwritable(7, error)) from error

    def _file(self, row: CheckpointRow) -> Path:
        file = (self.root / PurePosixPath(row.location)).resolve()
        if not file.is_relative_to(self.root.resolve()):
            raise CheckpointDamaged(f"checkpoint {row.location!r} lies outside of {self.root}")
        return file

    def remove(self, row: CheckpointRow) -> None:
        """Delete one file; that it is missing is no error."""
        with suppress(OSError, CheckpointDamaged):
            self._file(row).unlink()

    def _studies(self) -> list[Path]:
        return [each for each in self.root.iterdir() if each.is_dir()] if self.root.is_dir() else []

    def _unwritable(self, size: int, error: OSError) -> str:
        if error.errno == errno.ENOSPC:
            return f"no space left for a checkpoint of {size} bytes in {self.root}: free some, or give another folder"
        return f"cannot write a checkpoint in {self.root}: {error.strerror or error}; give a folder that can be written"


def location_of(study: str, trial_id: int, token: int, epoch: int, kind: CheckpointKind) -> str:
    """Where a checkpoint lies below its root. Raises NameInvalid."""
    name = f"{kind}-t{token:04d}-e{epoch:06d}.ckpt"
    return str(PurePosixPath(check_study_name(study), str(trial_id), name))


def pointer(
    location: str, trial_id: int, token: int, epoch: int, kind: CheckpointKind, payload: bytes
) -> CheckpointRow:
    """What is published of a checkpoint."""
    sha256 = hashlib.sha256(payload).hexdigest()
    return CheckpointRow(trial_id, token, epoch, kind, location, host_name(), len(payload), sha256)


def verified(payload: bytes, row: CheckpointRow, where: str) -> bytes:
    """The payload, if it is what was written. Raises CheckpointDamaged."""
    if len(payload) != row.size or hashlib.sha256(payload).hexdigest() != row.sha256:
        raise CheckpointDamaged(
            f"checkpoint {where} is damaged: {len(payload)} bytes of {row.size}, or other bytes than were written"
        )
    return payload


def outdated(names: Iterable[str], keep: int, kind: CheckpointKind | None) -> list[str]:
    """Of the checkpoints of one trial those behind the newest `keep` of each kind: by token, then by epoch."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for name in names:
        if (match := _NAME.fullmatch(name)) and kind in (None, match["kind"]):
            found.setdefault(match["kind"], []).append((int(match["token"]), int(match["epoch"]), name))
    return [name for each in found.values() for _, _, name in sorted(each, reverse=True)[keep:]]


def _names(folder: Path) -> list[str]:
    """What there is in a folder; nothing where it is gone, which others who tidy up may do at any moment."""
    try:
        return [each.name for each in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows cannot open folders, and does without."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

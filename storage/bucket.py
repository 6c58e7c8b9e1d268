"""Checkpoints in a bucket of Amazon S3, or of any server that speaks its protocol (MinIO, Ceph, R2, ...).

Credentials, region and endpoint come by the standard environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, or from the role of the machine.
"""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import PurePosixPath

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from storage.checkpoints import location_of, outdated, pointer, verified
from storage.errors import CheckpointDamaged, CheckpointUnwritable
from storage.rows import CheckpointKind, CheckpointRow

_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(/[A-Za-z0-9._-]+)*)/?", re.ASCII)


class CheckpointBucket:
    """As CheckpointFolder, under `s3://bucket/prefix`. A put is whole or not at all, by the protocol."""

    def __init__(self, url: str) -> None:
        """Raises CheckpointUnwritable for what is not s3://bucket/prefix."""
        match = _URL.fullmatch(url)
        if match is None:
            raise CheckpointUnwritable(f"{url!r} is no place for checkpoints; give s3://bucket/prefix, or a folder")
        self.root = url.rstrip("/")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        self._store = S3Store(
            match["bucket"],
            prefix=match["prefix"].strip("/") or None,
            disable_bulk_delete=True,  # not every server has it, and it is a few objects at a time
            client_options={
                "connect_timeout": "5 seconds",
                "timeout": "10 minutes",
                "allow_http": endpoint.startswith("http:"),
            },
            # A worker that saves does not train: it rather goes on and saves again later.
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
        )

    def write(
        self, study: str, trial_id: int, token: int, epoch: int, kind: CheckpointKind, payload: bytes
    ) -> CheckpointRow:
        """Write one checkpoint. Returns the pointer to publish. Raises CheckpointUnwritable."""
        row = pointer(location_of(study, trial_id, token, epoch, kind), trial_id, token, epoch, kind, payload)
        self.put(row, payload)
        return row

    def put(self, row: CheckpointRow, payload: bytes) -> None:
        """Write the bytes that a pointer tells of. Raises CheckpointUnwritable."""
        self._put(row.location, payload)

    def read(self, row: CheckpointRow) -> bytes:
        """The bytes of a checkpoint, verified. Raises CheckpointDamaged when they are not the ones written."""
        where = f"{self.root}/{row.location}"
        if ".." in PurePosixPath(row.location).parts:
            raise CheckpointDamaged(f"checkpoint {row.location!r} lies outside of {self.root}")
        try:
            payload = bytes(obstore.get(self._store, row.location).bytes())
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise CheckpointDamaged(f"checkpoint {where} cannot be read: {_reason(error)}") from None
        return verified(payload, row, where)

    def prune(self, trial_id: int, keep: int = 2, study: str | None = None, kind: CheckpointKind | None = None) -> None:
        """Delete all but the newest `keep` of each kind (or of one `kind`) of a trial; a failure is left for later."""
        try:
            here = [path for path in self._paths(study, trial_id) if path.parent.name == str(trial_id)]
            by_name = {path.name: str(path) for path in here}
            if gone := [by_name[name] for name in outdated(by_name, keep, kind)]:
                obstore.delete(self._store, gone)
        except (BaseError, FileNotFoundError, PermissionError):
            return

    def remove(self, row: CheckpointRow) -> None:
        """Delete one object; that it is missing, or stays for now, is no error."""
        with suppress(BaseError, FileNotFoundError, PermissionError):
            obstore.delete(self._store, row.location)

    def trials(self, study: str) -> set[int]:
        """The ids of the trials of which there is something here."""
        try:
            return {int(path.parent.name) for path in self._paths(study) if path.parent.name.isdigit()}
        except (BaseError, FileNotFoundError, PermissionError):
            return set()

    def check(self) -> None:
        """Write, and delete again, a few bytes. Raises CheckpointUnwritable, saying what to look at."""
        probe = f".ceteris-{uuid.uuid4().hex}"
        self._put(probe, b"ceteris")
        try:
            obstore.delete(self._store, probe)
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise CheckpointUnwritable(f"{self.root} lets nothing be deleted: {_reason(error)}") from None

    def _put(self, path: str, payload: bytes) -> None:
        try:
            obstore.put(self._store, path, payload, use_multipart=False)
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise CheckpointUnwritable(f"cannot write a checkpoint in {self.root}: {_reason(error)}") from None

    def _paths(self, study: str | None, trial_id: int | None = None) -> Iterator[PurePosixPath]:
        prefix = None if study is None else study if trial_id is None else f"{study}/{trial_id}"
        for page in obstore.list(self._store, prefix):
            yield from (PurePosixPath(each["path"]) for each in page)


def _reason(error: Exception) -> str:
    """In words: the messages of the client are pages long, and the servers put key ids into theirs."""
    if isinstance(error, (NotFoundError, FileNotFoundError)):
        return "there is no such bucket or object (is AWS_ENDPOINT_URL right?)"
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError)):
        return "access is denied (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and what the bucket allows)"
    return "the server does not answer as S3 does (AWS_ENDPOINT_URL, AWS_REGION, credentials, network)"

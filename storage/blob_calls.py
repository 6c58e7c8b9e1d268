"""The store's calls for the bytes that are kept with ended runs."""

from collections.abc import Sequence
from functools import partial

from storage import blobs
from storage.blobs import BlobKind, BlobRow
from storage.connected import Connected
from storage.errors import BlobDamaged


class BlobCalls(Connected):
    def blob(self, trial_id: int, kind: BlobKind) -> bytes | None:
        """The bytes kept with a run, verified, or None. Raises BlobDamaged."""
        row = self._database.read(lambda connection: blobs.found(connection, trial_id, kind))
        if row is None:
            return None
        chunks = [self._database.read(partial(blobs.chunk_of, row=row, chunk=n)) for n in range(row.chunks)]
        payload = b"".join(chunk for chunk in chunks if chunk is not None)
        if None in chunks:  # dropped meanwhile
            return None
        if not blobs.is_whole(row, payload):
            raise BlobDamaged(f"the {kind} blob of trial {trial_id} is damaged: other bytes than were written")
        return payload

    def blobs(self, study_id: int) -> list[BlobRow]:
        """Every blob of a study: what there is, and how large."""
        return self._database.read(lambda connection: blobs.of_study(connection, study_id))

    def drop_blobs(self, trial_ids: Sequence[int], kind: BlobKind) -> None:
        """Delete one kind of blob of these runs; none that has it is no error."""
        self._database.write(lambda connection: blobs.drop(connection, trial_ids, kind))

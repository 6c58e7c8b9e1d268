"""The store's calls for the holder of a lease: each checks it in its own transaction, and raises LeaseLost."""

from collections.abc import Sequence
from functools import partial

from storage import blobs, fenced, values
from storage.attempts import AttemptRow
from storage.blobs import CHUNK_BYTES, Blob
from storage.connected import Connected
from storage.rows import CheckpointRow, EpochRow, Lease, Result, RungScore


class HolderCalls(Connected):
    def renew(self, lease: Lease) -> None:
        """Hold the lease for another TTL. Raises LeaseLost."""
        stopped = self._database.write(lambda connection: fenced.renew(connection, lease, self.ttl))
        self._stopped[lease.study_id] = stopped

    def at_rung(self, lease: Lease, epochs: Sequence[EpochRow], epoch: int) -> list[RungScore]:
        """Write epochs and read what the rung rule compares at `epoch`, this run perhaps among it. Raises LeaseLost."""
        values.check_epochs(epochs)
        values.check_step(epoch)
        return self._database.write(lambda connection: fenced.at_rung(connection, lease, epochs, epoch))

    def holds(self, lease: Lease) -> bool:
        """Whether nobody else has the lease at this moment: to be asked right before what cannot be taken back."""
        return self._database.read(lambda connection: fenced.holds(connection, lease))

    def report(
        self,
        lease: Lease,
        epochs: Sequence[EpochRow],
        checkpoint: CheckpointRow | None = None,
        attempt: AttemptRow | None = None,
        doing: str | None = None,
    ) -> None:
        """Buffered epochs, a checkpoint's pointer, what the attempt cost so far and a renewal, in one transaction.

        With `doing`, what its worker does. Raises LeaseLost.
        """
        kept = () if checkpoint is None else (checkpoint,)
        values.check_epochs(epochs)
        values.check_checkpoints(kept)
        values.check_attempt(attempt)
        self._stopped[lease.study_id] = self._database.write(
            lambda connection: fenced.report(connection, lease, self.ttl, epochs, kept, attempt, doing)
        )

    def finish(
        self,
        lease: Lease,
        result: Result,
        epochs: Sequence[EpochRow] = (),
        checkpoints: Sequence[CheckpointRow] = (),
        attempt: AttemptRow | None = None,
        kept: Sequence[Blob] = (),
    ) -> None:
        """End the run, its attempt and the lease, and publish the blobs `kept` with it, those put before included.

        Blobs of one chunk are written in this transaction, larger ones ahead of it. Repeatable with the same lease.
        Raises LeaseLost.
        """
        values.check_result(result)
        values.check_epochs(epochs)
        values.check_checkpoints(checkpoints)
        values.check_attempt(attempt)
        small = [blob for blob in kept if len(blob.payload) <= CHUNK_BYTES]
        for blob in kept:
            if len(blob.payload) > CHUNK_BYTES:
                self.put_blob(lease, blob)
        self._database.write(
            lambda connection: fenced.finish(connection, lease, result, epochs, checkpoints, attempt, small)
        )

    def put_blob(self, lease: Lease, blob: Blob) -> None:
        """Write a blob, a transaction for each chunk; it is seen once the run has ended well. Raises LeaseLost."""
        for piece in blobs.pieces(blob):
            self._database.write(partial(fenced.put, lease=lease, ttl=self.ttl, piece=piece))

    def release(self, lease: Lease) -> None:
        """Leave a run unfinished: it keeps its number and is claimable at once. Repeatable. Raises LeaseLost."""
        self._database.write(lambda connection: fenced.release(connection, lease))

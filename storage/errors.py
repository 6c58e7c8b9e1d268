"""What can go wrong in storage. Every message is one line for a person; none holds a password."""


class StorageError(Exception):
    """A storage problem that a person can act on; its text is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class StorageUnreachable(StorageError):
    """The database does not answer: at the first contact, or for longer than the caller's patience."""


class StorageRefused(StorageError):
    """This database cannot be used from here: a network file system, a second host on SQLite, a malformed URL."""


class SchemaTooNew(StorageError):
    """The tables were written by another version of ceteris or Optuna than the one installed."""


class NameInvalid(StorageError):
    """A name that not every backend and file system can hold."""


class ValueInvalid(StorageError):
    """A number, text or attribute that not every backend can hold as it is."""


class StudyMissing(StorageError):
    """The study (or the phase of it) is not in the database: never created, or deleted meanwhile."""


class StudyBusy(StorageError):
    """The study cannot be deleted or transferred while a worker is at work on it."""


class StudyExists(StorageError):
    """A study of that name is in the database already."""


class LeaseLost(StorageError):
    """The trial belongs to somebody else now, or is gone. Nothing was written: discard the run and claim again."""


class CheckpointDamaged(StorageError):
    """The file of a checkpoint is missing, truncated or altered: fall back to the older one."""


class BlobDamaged(StorageError):
    """The bytes in the database are not those that were written."""


class CheckpointUnwritable(StorageError):
    """The checkpoint folder cannot be written: no permission, or no space left."""

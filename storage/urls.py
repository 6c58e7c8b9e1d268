"""Storage URLs: what is accepted, how it is shown without its secret, and where the default SQLite file lies."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import StorageRefused

ACCEPTED = "sqlite:///file.db or postgresql://user@host/database"
FILE_NAME = "ceteris.db"
_FILES = ("passfile", "servicefile", "sslrootcert", "sslcert", "sslkey", "sslcrl")
_NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ceph", "lustre", "beegfs", "gpfs", "9p"),
    *("glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.juicefs", "davfs"),
    *("fuse.ceph", "fuse.davfs2", "fuse.mount-s3", "ocfs2", "gfs2", "orangefs", "pvfs2", "panfs"),
}


def parse_url(text: str) -> URL:
    """The URL with the driver that is used (pysqlite, psycopg). Raises StorageRefused, never showing a password."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise StorageRefused(f"this is not a storage URL; give {ACCEPTED}") from None
    if backend == "postgres":
        backend = "postgresql"
    if backend == "postgresql" and url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return _at_home(url.set(drivername="postgresql+psycopg"))
    if backend == "sqlite" and url.drivername in ("sqlite", "sqlite+pysqlite"):
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise StorageRefused("a study needs a file that other processes can open; give sqlite:///file.db")
        return url.set(drivername="sqlite")
    raise StorageRefused(f"storage of the kind {url.drivername!r} is not supported; give {ACCEPTED}")


def _at_home(url: URL) -> URL:
    """`~` in the names of files that the driver opens, and a password where it is recognised as one."""
    query = {
        key: str(Path(value).expanduser())
        if key in _FILES and isinstance(value, str) and value.startswith("~")
        else value
        for key, value in url.query.items()
    }
    if isinstance(password := query.pop("password", None), str):
        url = url.set(password=password)
    return url.set(query=query)


def _is_secret(key: str) -> bool:
    return "pass" in key.lower() and key != "passfile"


def without_secret(url: URL) -> str:
    """The URL as it may be printed: the password masked, also one that was given as a query parameter."""
    hidden = {key: "***" if _is_secret(key) else value for key, value in url.query.items()}
    driver = url.get_backend_name() if url.get_backend_name() in ("postgresql", "sqlite") else url.drivername
    shown = url.set(drivername=driver, query=hidden).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", "***").replace("%2F", "/")


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file, for any path (spaces, other scripts, drive letters)."""
    return URL.create("sqlite", database=str(file.absolute())).render_as_string(hide_password=False)


def default_sqlite_url(folder: Path) -> str:
    """The default database of a folder: `ceteris.db` in it, or on local disk when the folder is on a network.

    The place on local disk is a function of the folder and the user. The caller compares with
    `sqlite_url(folder / FILE_NAME)` to say that the file moved.
    """
    if network_file_system(folder) is None:
        return sqlite_url(folder / FILE_NAME)
    name = f"ceteris-{hashlib.sha256(str(folder.absolute()).encode('utf-8', 'replace')).hexdigest()[:12]}.db"
    state = Path.home() / ".local" / "state" / "ceteris"
    if network_file_system(state) is not None:
        state = Path(tempfile.gettempdir()) / f"ceteris-{os.getuid() if hasattr(os, 'getuid') else 'data'}"
    return sqlite_url(state / name)


def network_file_system(path: Path) -> str | None:
    """The type of the network file system that a path lies (or would lie) on; None when it is local or unknown."""
    path = path.absolute()
    if os.name == "nt":
        return "a network share" if path.drive.startswith("\\\\") else None
    mounts = Path("/proc/mounts")
    if not sys.platform.startswith("linux") or not mounts.exists():
        return None
    resolved = path.resolve()
    kind, length = None, -1
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        # Later lines cover earlier ones at the same mount point, hence >=.
        if (resolved == point or point in resolved.parents) and len(point.parts) >= length:
            kind, length = fields[2], len(point.parts)
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


def _unescaped(field: str) -> str:
    """A field of /proc/mounts, where space, tab, newline and backslash are written in octal."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(octal, character)
    return field

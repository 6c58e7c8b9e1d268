"""A local PostgreSQL's studies in one file, and back: PostgreSQL's own dump, taken while workers go on."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import cluster_roles
from storage.cluster import Cluster
from storage.cluster_settings import DATABASE, LOOPBACK, OWNER
from storage.errors import StorageRefused
from storage.password_files import password_of


def backup(cluster: Cluster, file: Path) -> int:
    """Write one consistent moment of the database into `file`, readable to its owner alone; its size in bytes.

    Raises StorageRefused. A file of that name is replaced only by a whole one.
    """
    if not (cluster.data / "PG_VERSION").exists():
        raise StorageRefused(f"there is no database in {cluster.folder} to back up: give its --folder")
    part = file.absolute().with_name(f".{file.name}.{secrets.token_hex(6)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"):
            pass
        if cluster.programs.account is not None:
            os.chown(part, cluster.programs.account.uid, -1)
        with serving(cluster) as port:
            _client(cluster, "pg_dump", port, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")
        if cluster.programs.account is not None:
            os.chown(part, 0, -1)
        part.replace(file)
    except OSError as error:
        raise StorageRefused(f"cannot write {file}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(cluster: Cluster, file: Path) -> None:
    """Bring a backup into a database without tables, wholly or not at all. Raises StorageRefused."""
    if not file.is_file():
        raise StorageRefused(f"there is no backup {file}")
    with serving(cluster) as port:
        with cluster_roles.connect(cluster, port, DATABASE) as connection:
            found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        if found is not None and found[0]:
            raise StorageRefused(f"{cluster.folder} holds tables already: restore into a new --folder")
        words = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
        # Read by us and handed on, for PostgreSQL's account may not be allowed to read the file.
        copy = cluster.data / f"restore-{secrets.token_hex(6)}"
        try:
            copy.write_bytes(file.read_bytes())
            if cluster.programs.account is not None:
                os.chown(copy, cluster.programs.account.uid, -1)
            _client(cluster, "pg_restore", port, *words, str(copy))
        finally:
            copy.unlink(missing_ok=True)


@contextmanager
def serving(cluster: Cluster) -> Iterator[int]:
    """The port of the server: of the one that runs, or of one that runs for this while, reachable from here alone."""
    if (found := cluster.running()) is not None:
        yield found[1]
        return
    with socket.create_server((LOOPBACK, 0)) as probe:
        port = probe.getsockname()[1]
    cluster.make()
    cluster.start(LOOPBACK, port)
    try:
        cluster_roles.settle(cluster, port, None)
        yield port
    finally:
        cluster.stop()


def _client(cluster: Cluster, program: str, port: int, *words: str) -> None:
    """Run a client program as the owner of the database. Raises StorageRefused with its last line."""
    environment = {"PGPASSWORD": password_of(cluster.password_file(OWNER), OWNER)}  # not in any process list
    place = (f"--host={LOOPBACK}", f"--port={port}", f"--username={OWNER}", f"--dbname={DATABASE}")
    done = cluster.programs.run(program, *place, *words, cwd=cluster.folder, environment=environment)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        raise StorageRefused(f"{program} did not succeed: {lines[0]}")

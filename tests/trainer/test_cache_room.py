"""No room, no right to write: the cache says so in one line and leaves nothing half written."""

import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.trainer.painted import (
    SMALL,
    Counted,
    decoded,
    entries,
    litter,
    opened,
    painted,
    source_of,
)
from trainer.cache import default_cache
from trainer.decode import decode
from trainer.geometry import Geometry
from trainer.sources.source import DataError, Pictures, Source

CPU = torch.device("cpu")
spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return painted(tmp_path / "photos")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "내 cache"


def refusal(source: Source, cache: Path, geometry: Geometry = SMALL) -> str:
    with pytest.raises(DataError) as error:
        decode(source, geometry, cache=cache)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_too_little_space_is_said_before_anything_is_decoded(files: list[Path], cache: Path) -> None:
    source = source_of(files)
    said = refusal(source, cache, Geometry(10**6, 3))
    assert said.startswith("the decoded images of photos need 67055.3 GiB in ")
    assert str(cache) in said and "GiB are free: free some space or give another folder with --cache FOLDER" in said
    assert opened(source) == 0 and litter(cache) == []


FULL = "is full ({}), the decoded images of photos need {}: free some space or give another folder with --cache FOLDER"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here; the limit on file sizes is tested instead")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Filling(Counted):
    """Somebody else fills a disk of 48 MiB, and never another one, while picture 20 is read."""

    def __init__(self, pictures: Pictures, disk: Path) -> None:
        assert os.path.ismount(disk) and shutil.disk_usage(disk).total == 48 * 2**20
        super().__init__(pictures)
        self._filler = disk / "filler"

    def open(self, index: int) -> Image.Image:
        if index == 20:
            with suppress(OSError), self._filler.open("wb", buffering=0) as file:
                for _ in range(48):
                    file.write(bytes(2**20))
        return super().open(index)


def test_a_disk_that_fills_up_is_said_in_one_line_and_nothing_half_written_is_left(
    tmp_path: Path, small_disk: Path
) -> None:
    files, geometry, cache = painted(tmp_path / "photos", 100), Geometry(128, 3), small_disk / "cache"
    source = source_of(files)
    source = replace(source, pictures=Filling(source.pictures, small_disk))
    assert FULL.format("No space left on device", "37 MiB") in refusal(source, cache, geometry)
    assert litter(cache) == [] == entries(cache)
    (small_disk / "filler").unlink()
    assert len(decoded(files, cache, geometry).pixels) == 100


LIMITED = """
import resource, sys
from pathlib import Path
from tests.trainer.painted import decoded
from trainer.geometry import Geometry
from trainer.sources.source import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
files = sorted(Path(sys.argv[1]).rglob("*.png"))
try:
    decoded(files, Path(sys.argv[2]), Geometry(64, 3))
except DataError as error:
    sys.stdout.buffer.write(str(error).encode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limit on the size of a file")
def test_a_file_that_may_not_grow_is_said_in_one_line_and_nothing_half_written_is_left(
    files: list[Path], cache: Path
) -> None:
    given = [sys.executable, "-c", LIMITED, str(files[0].parents[1]), str(cache)]
    told = subprocess.run(given, capture_output=True, text=True, encoding="utf-8", check=True)
    assert FULL.format("File too large", "32 MiB") in told.stdout
    assert litter(cache) == [] == entries(cache)


def test_a_folder_below_a_file_is_refused_in_one_line(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "cache"):
        said = refusal(source_of(files), place)
        assert f"the cache folder {place} cannot be used (" in said
        assert said.endswith("): give one that can be written to with --cache FOLDER")


def test_a_folder_that_may_not_be_written_to_is_refused_in_one_line(
    files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests may run as root, whom no permission stops: it is taken away beneath pathlib."""

    def denied(self: Path, *given: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", denied)
    assert "cannot be used (Permission denied): give one" in refusal(source_of(files), cache)


def test_a_folder_that_may_only_be_read_serves_what_is_in_it(
    files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded(files, cache)

    def denied(*given: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    monkeypatch.setattr(os, "open", denied)
    assert len(decoded(files, cache).pixels) == 24


@pytest.mark.skipif(sys.platform == "win32", reason="another place on Windows")
def test_the_cache_is_where_it_is_said_to_be_or_where_the_system_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CETERIS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "ceteris"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache() == tmp_path / ".cache" / "ceteris"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "ceteris"
    monkeypatch.setenv("CETERIS_CACHE", "~/mine")
    assert default_cache() == tmp_path / "mine"

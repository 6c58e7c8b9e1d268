"""The memo of file digests: it may save reading, never change an answer."""

import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trainer.sources import fingerprint
from trainer.sources.fingerprint import contents_of


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    names = ["고양이/1 é.png", "고양이/2.png", "dog ü/1.png", "dog ü/2.png"]
    made = [tmp_path / "photos" / name for name in names]
    for file in made:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(file.name.encode() * 1000)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as old enough to be remembered: nobody can set back the time of a file's last change of state."""
    monkeypatch.setattr(fingerprint, "_RACY", -(10**18))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes have been read."""
    names: list[str] = []
    digest = hashlib.file_digest

    def noting(stream: Any, *given: Any) -> Any:
        names.append(Path(stream.name).name)
        return digest(stream, *given)

    monkeypatch.setattr(hashlib, "file_digest", noting)
    return names


def expected(files: list[Path]) -> list[bytes]:
    return [hashlib.sha256(file.read_bytes()).digest() for file in files]


@pytest.mark.parametrize("times", [1, 2])
def test_the_digest_of_a_file_is_that_of_its_bytes(files: list[Path], cache: Path, settled: None, times: int) -> None:
    for _ in range(times):
        assert contents_of(files, cache) == contents_of(files, None) == expected(files)


def test_an_unchanged_file_is_not_read_twice(files: list[Path], cache: Path, settled: None, read: list[str]) -> None:
    first = contents_of(files, cache)
    assert len(read) == 4
    assert contents_of(files, cache) == first
    assert len(read) == 4


def test_without_a_cache_every_byte_is_read_again(files: list[Path], settled: None, read: list[str]) -> None:
    for _ in range(2):
        contents_of(files, None)
    assert len(read) == 8


def test_a_file_written_just_now_is_not_remembered(files: list[Path], cache: Path, read: list[str]) -> None:
    """It could be written once more within the same tick of the file system's clock."""
    for _ in range(2):
        contents_of(files, cache)
    assert len(read) == 8


def overwritten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[::-1])


def replaced(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(file.read_bytes()[::-1])
    other.replace(file)


def swapped(file: Path) -> None:
    """With a file of equal size and times, as an archive would have set them."""
    other, aside = file.with_name("2.png"), file.with_name("aside")
    other.write_bytes(file.read_bytes()[::-1])
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    file.rename(aside)
    other.rename(file)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no time of the last change of state")
@pytest.mark.parametrize("change", [overwritten, replaced, swapped])
def test_a_change_that_keeps_size_and_time_is_noticed(
    files: list[Path], cache: Path, settled: None, change: Callable[[Path], None]
) -> None:
    before, file = contents_of(files, cache), files[2]
    times = file.stat()
    change(file)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = contents_of(files[:3], cache)
    assert after == expected(files[:3])
    assert after[2] != before[2] and after[:2] == before[:2]


def index(cache: Path) -> Path:
    (found,) = cache.rglob("*.json")
    return found


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "cut off": lambda body: body[: len(body) // 2],
    "one digit changed": lambda body: body[:-10] + bytes([body[-10] ^ 1]) + body[-9:],
    "no text": lambda body: bytes(range(256)),
    "another kind of JSON": lambda body: fingerprint._digest(b"[1]") + b"\n[1]",
    "entries of another shape": lambda body: fingerprint._digest(b'{"a": [1, "00"]}') + b'\n{"a": [1, "00"]}',
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_ignored_and_written_anew(
    files: list[Path], cache: Path, settled: None, read: list[str], damage: str
) -> None:
    contents_of(files, cache)
    index(cache).write_bytes(DAMAGES[damage](index(cache).read_bytes()))
    assert contents_of(files, cache) == expected(files)
    assert len(read) == 8
    contents_of(files, cache)
    assert len(read) == 8


def test_a_cache_that_cannot_be_written_only_costs_time(files: list[Path], tmp_path: Path, settled: None) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    assert contents_of(files, tmp_path / "file" / "cache") == expected(files)


def test_nothing_is_left_beside_the_index(files: list[Path], cache: Path, settled: None) -> None:
    contents_of(files, cache)
    assert [file.name for file in index(cache).parent.iterdir()] == [index(cache).name]


def test_a_part_of_a_folder_does_not_displace_the_rest(
    files: list[Path], cache: Path, settled: None, read: list[str]
) -> None:
    contents_of(files, cache)
    files[0].write_bytes(b"changed")
    contents_of([files[0], files[3]], cache)
    assert contents_of(files, cache) == expected(files)
    assert len(read) == 5


def test_a_removed_file_leaves_the_index(files: list[Path], cache: Path, settled: None) -> None:
    contents_of(files, cache)
    files[1].unlink()
    files[3].write_bytes(b"changed")
    contents_of([files[0], files[2], files[3]], cache)
    assert len(fingerprint._read(index(cache))) == 3


def test_a_copy_in_another_place_has_an_index_of_its_own(files: list[Path], cache: Path, settled: None) -> None:
    folder = files[0].parents[1]
    contents_of(files, cache)
    moved = folder.rename(folder.with_name("elsewhere"))
    assert contents_of([moved / file.relative_to(folder) for file in files], cache) != []
    assert len(list(cache.rglob("*.json"))) == 2


def test_several_at_once_get_the_right_answer_and_leave_a_whole_index(
    files: list[Path], cache: Path, settled: None
) -> None:
    parts = [files[start:] + files[:start] for start in range(4)] * 8
    with ThreadPoolExecutor(8) as pool:
        for part, found in zip(parts, pool.map(lambda part: contents_of(part, cache), parts), strict=True):
            assert found == expected(part)
    assert len(fingerprint._read(index(cache))) == 4


def test_a_file_that_cannot_be_read_gives_its_reason_in_its_place(files: list[Path], cache: Path) -> None:
    files[1].unlink()
    files[2].unlink()
    files[2].mkdir()
    found = contents_of(files, cache)
    assert isinstance(found[1], FileNotFoundError)
    assert str(found[2]) == "not a regular file"
    assert [found[0], found[3]] == expected([files[0], files[3]])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes in the file system")
def test_a_pipe_is_not_waited_for(files: list[Path], cache: Path) -> None:
    files[1].unlink()
    os.mkfifo(files[1])
    assert str(contents_of(files, cache)[1]) == "not a regular file"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows any bytes in a name")
def test_a_name_of_another_encoding_is_remembered_too(
    files: list[Path], cache: Path, settled: None, read: list[str]
) -> None:
    odd = files[0].rename(files[0].with_name(os.fsdecode(b"caf\xe9.png")))
    for _ in range(2):
        assert contents_of([odd], cache) == expected([odd])
    assert len(read) == 1


def test_no_files_have_no_digests(cache: Path) -> None:
    assert contents_of([], cache) == []

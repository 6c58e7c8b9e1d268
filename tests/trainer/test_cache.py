"""Decoded pixels on disk: made once, shared by all, whole or not at all."""

import json
import multiprocessing
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from tests.trainer.painted import (
    SMALL,
    decode_slowly,
    decode_together,
    decoded,
    entries,
    litter,
    opened,
    painted,
    source_of,
)
from trainer import cache as caching
from trainer.decode import decode
from trainer.geometry import Geometry
from trainer.mapped import opened as opened_entry
from trainer.sources.source import DataError

CPU = torch.device("cpu")
spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return painted(tmp_path / "photos")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "내 cache"


def test_cached_pixels_are_those_decoded_without_a_cache(files: list[Path], cache: Path) -> None:
    plain = decoded(files, None)
    for _ in range(2):
        found = decoded(files, cache)
        assert torch.equal(found.pixels.stored, plain.pixels.stored)
        assert found.digest == plain.digest


def test_a_second_start_decodes_nothing_and_says_nothing(files: list[Path], cache: Path) -> None:
    decoded(files, cache)
    source, heard = source_of(files), []
    decode(source, SMALL, cache=cache, progress=lambda *told: heard.append(told))
    assert opened(source) == 0 and heard == []


def test_nothing_but_the_images_and_a_lock_is_left_behind(files: list[Path], cache: Path) -> None:
    decoded(files, cache)
    (entry,) = entries(cache)
    assert sorted(path.name for path in entry.iterdir()) == ["facts.json", "pixels.npy"]
    assert {path.name for path in entry.parent.iterdir()} <= {entry.name, f"{entry.name}.lock"}


def test_a_person_can_see_what_an_entry_is(files: list[Path], cache: Path) -> None:
    found = decoded(files, cache)
    facts = json.loads((entries(cache)[0] / "facts.json").read_text(encoding="utf-8"))
    assert facts.pop("created").endswith("+00:00")
    assert facts == {"name": "photos", "shape": [24, 3, 8, 8], "digest": found.digest, "broken": []}
    assert np.array_equal(np.load(entries(cache)[0] / "pixels.npy"), found.pixels.stored.numpy())


def test_the_same_pictures_under_other_names_and_labels_are_not_decoded_again(files: list[Path], cache: Path) -> None:
    decoded(files, cache)
    moved = [file.rename(file.with_name(f"renamed {file.name}")) for file in files]
    source = source_of(moved, classes=3)
    decode(source, SMALL, cache=cache)
    assert opened(source) == 0


def one_byte_changed(files: list[Path]) -> list[Path]:
    body = bytearray(files[4].read_bytes())
    body[-1] ^= 1
    files[4].write_bytes(body)
    return files


@pytest.mark.parametrize(
    "change",
    [one_byte_changed, lambda files: files[1:], lambda files: [*files[1:], files[0]], lambda files: files[::-1]],
)
def test_other_pictures_or_another_order_are_another_entry(
    files: list[Path], cache: Path, change: Callable[[list[Path]], list[Path]]
) -> None:
    decoded(files, cache)
    source = source_of(change(files))
    decode(source, SMALL, cache=cache)
    assert opened(source) == len(source) and len(entries(cache)) == 2


@pytest.mark.parametrize(
    "geometry", [Geometry(9, 3), Geometry(8, 1), Geometry(8, 3, "pad"), Geometry(8, 3, "squash")], ids=repr
)
def test_another_geometry_is_another_entry(files: list[Path], cache: Path, geometry: Geometry) -> None:
    decoded(files, cache)
    found = decoded(files, cache, geometry)
    assert torch.equal(found.pixels.stored, decoded(files, None, geometry).pixels.stored)
    assert len(entries(cache)) == 2


def test_another_decoder_is_another_entry(files: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded(files, cache)
    monkeypatch.setattr("trainer.decode.DECODER_VERSION", 1000)
    decoded(files, cache)
    monkeypatch.setattr("PIL.__version__", "1000")
    decoded(files, cache)
    assert len(entries(cache)) == 3


def test_four_processes_that_start_at_once_decode_once(tmp_path: Path, cache: Path) -> None:
    files = painted(tmp_path / "photos", 200)
    barrier, answers = spawn.Barrier(4), spawn.Queue()
    starts = [
        spawn.Process(target=decode_together, args=(files, cache, barrier, answers), daemon=True) for _ in range(4)
    ]
    for process in starts:
        process.start()
    told = [answers.get(timeout=120) for _ in starts]
    for process in starts:
        process.join(30)
    plain = decoded(files, None)
    assert {(digest, total) for digest, _, total, _ in told} == {
        (plain.digest, int(plain.pixels.stored.sum(dtype=None)))
    }
    assert sorted(count for _, count, _, _ in told) == [0, 0, 0, 200]
    assert litter(cache) == []


def test_who_waits_hears_how_far_the_other_has_come(files: list[Path], cache: Path) -> None:
    decoded(files, cache)
    (entry,) = entries(cache)
    body = (entry / "pixels.npy").read_bytes()
    shutil.rmtree(entry)
    half = entry.with_name(f"{entry.name}.1.partial")
    half.mkdir()
    (half / "pixels.npy").write_bytes(body[: len(body) // 2])
    heard: list[tuple[int, int]] = []
    with FileLock(f"{entry}.lock"):
        waiting = threading.Thread(
            target=decode,
            args=(source_of(files), SMALL),
            kwargs={"cache": cache, "progress": lambda *x: heard.append(x)},
        )
        waiting.start()
        deadline = time.monotonic() + 30
        while not heard and time.monotonic() < deadline:
            time.sleep(0.02)
        assert heard == [(12, 24)]
    waiting.join(30)
    assert heard[-1] == (24, 24) and litter(cache) == []


def killed_midway(files: list[Path], cache: Path) -> None:
    process = spawn.Process(target=decode_slowly, args=(files, cache), daemon=True)
    process.start()
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size > 200 for file in cache.glob("decoded/*.partial/pixels.npy")):
        assert time.monotonic() < deadline and process.is_alive()
        time.sleep(0.01)
    process.kill()
    process.join(30)


def test_a_killed_process_is_succeeded_by_the_next_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    files = painted(tmp_path / "photos", 200)
    killed_midway(files, cache)
    assert len(litter(cache)) == 1 and opened_entry(cache / "decoded" / litter(cache)[0]) is None
    found = decoded(files, cache)
    assert found.digest == decoded(files, None).digest
    assert litter(cache) == []


def test_what_a_killed_process_left_of_other_pictures_goes_too(files: list[Path], cache: Path) -> None:
    left = cache / "decoded" / f"{'a' * 64}.1.partial"
    left.mkdir(parents=True)
    (left / "pixels.npy").write_bytes(b"half")
    decoded(files, cache)
    assert litter(cache) == []


def test_what_another_process_is_making_stays(files: list[Path], cache: Path) -> None:
    busy = cache / "decoded" / f"{'a' * 64}.1.partial"
    busy.mkdir(parents=True)
    with FileLock(busy.with_name(f"{'a' * 64}.lock")):
        decoded(files, cache)
    assert litter(cache) == [busy.name]


def test_where_locks_do_not_hold_the_later_one_throws_its_own_away(files: list[Path], cache: Path) -> None:
    """Both found nothing, both decoded; the place is taken when the second comes."""
    decoded(files, cache)
    (entry,) = entries(cache)
    first = (entry / "facts.json").stat().st_mtime_ns
    made = opened_entry(entry)
    assert made is not None

    def make(put: caching.Put) -> tuple[()]:
        put(made.pixels.numpy())
        return ()

    caching._make(cache, entry, caching.Order("photos", (24, 3, 8, 8), make))
    assert (entry / "facts.json").stat().st_mtime_ns == first
    assert litter(cache) == []


def cut_off(entry: Path) -> None:
    body = (entry / "pixels.npy").read_bytes()
    (entry / "pixels.npy").write_bytes(body[:-1])


def lengthened(entry: Path) -> None:
    with (entry / "pixels.npy").open("ab") as file:
        file.write(b"x")


def without_pixels(entry: Path) -> None:
    (entry / "pixels.npy").unlink()


def without_facts(entry: Path) -> None:
    (entry / "facts.json").unlink()


def with_facts(text: str) -> Callable[[Path], None]:
    def write(entry: Path) -> None:
        (entry / "facts.json").write_text(text, encoding="utf-8")

    return write


def of_other_numbers(entry: Path) -> None:
    np.save(entry / "pixels.npy", np.zeros((24, 3, 8, 8), np.int8))


@pytest.mark.parametrize(
    "damage",
    [
        cut_off,
        lengthened,
        without_pixels,
        without_facts,
        of_other_numbers,
        with_facts(""),
        with_facts("[]"),
        with_facts("{}"),
        with_facts('{"shape": [23, 3, 8, 8], "digest": "", "broken": []}'),
        with_facts('{"shape": [], "digest": "", "broken": []}'),
    ],
)
def test_a_damaged_entry_is_decoded_anew(files: list[Path], cache: Path, damage: Callable[[Path], None]) -> None:
    whole = decoded(files, cache)
    (entry,) = entries(cache)
    damage(entry)
    source = source_of(files)
    found = decode(source, SMALL, cache=cache)
    assert opened(source) == 24
    assert found.digest == whole.digest and torch.equal(found.pixels.stored, decoded(files, None).pixels.stored)
    assert entries(cache) == [entry]
    again = source_of(files)
    decode(again, SMALL, cache=cache)
    assert opened(again) == 0


def test_broken_pictures_are_remembered(files: list[Path], cache: Path) -> None:
    files[2].write_bytes(b"broken")
    said: set[str] = set()
    for start in range(2):
        source = source_of(files)
        with pytest.raises(DataError) as error:
            decode(source, SMALL, cache=cache)
        said.add(str(error.value))
        assert opened(source) == (24 if start == 0 else 0)
    assert len(said) == 1
    source = source_of(files)
    found = decode(source, SMALL, cache=cache, skip_broken=True)
    assert opened(source) == 0 and found.left_out == ("0/002 é.png (not an image)",)


def test_even_when_all_are_broken(files: list[Path], cache: Path) -> None:
    for file in files:
        file.write_bytes(b"broken")
    for _ in range(2):
        source = source_of(files)
        with pytest.raises(DataError, match="24 of 24 images"):
            decode(source, SMALL, cache=cache)
    assert opened(source) == 0


def mapping_of(address: int) -> str:
    """What the kernel says is mapped there."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        start, _, end = line.split()[0].partition("-")
        if int(start, 16) <= address < int(end, 16):
            return line
    return ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_pixels_are_the_pages_of_the_file(files: list[Path], cache: Path) -> None:
    pixels = decoded(files, cache).pixels
    assert mapping_of(pixels.at(8, CPU).data_ptr()).endswith("pixels.npy")
    assert mapping_of(pixels.at(4, CPU).data_ptr()).endswith("pixels.npy")


def test_writing_on_the_pixels_changes_no_file(
    files: list[Path], cache: Path, recwarn: pytest.WarningsRecorder
) -> None:
    found = decoded(files, cache)
    before = found.pixels.stored.clone()
    found.pixels.stored.zero_()
    assert torch.equal(decoded(files, cache).pixels.stored, before)
    assert not recwarn.list


def test_a_smaller_size_is_made_once_for_all_processes(files: list[Path], cache: Path) -> None:
    first = decoded(files, cache).pixels.at(4, CPU)
    assert torch.equal(first, decoded(files, None).pixels.at(4, CPU))
    written = {entry: entry.stat().st_mtime_ns for entry in entries(cache)}
    assert len(written) == 2
    assert torch.equal(decoded(files, cache).pixels.at(4, CPU), first)
    assert {entry: entry.stat().st_mtime_ns for entry in entries(cache)} == written
    decoded(files, cache).pixels.at(5, CPU)
    assert len(entries(cache)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let a mapped file be removed")
def test_a_smaller_size_that_finds_no_room_is_held_in_memory(files: list[Path], cache: Path) -> None:
    pixels = decoded(files, cache).pixels
    shutil.rmtree(cache)
    cache.write_text("no folder any more", encoding="utf-8")
    assert torch.equal(pixels.at(4, CPU), decoded(files, None).pixels.at(4, CPU))

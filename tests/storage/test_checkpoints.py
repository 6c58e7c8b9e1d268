"""A checkpoint is whole and verified, or it is not there."""

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.checkpoints import CheckpointFolder
from storage.errors import CheckpointDamaged, CheckpointUnwritable, NameInvalid
from storage.rows import CheckpointRow
from tests.storage.small import write_for_ever

spawn = multiprocessing.get_context("spawn")


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "내 체크포인트")
    row = folder.write("lr_aug", 7, 2, 3, "best", b"weights")
    assert (row.trial_id, row.token, row.epoch, row.kind, row.size) == (7, 2, 3, "best", 7)
    assert folder.read(row) == b"weights"
    moved = tmp_path / "elsewhere"
    folder.root.rename(moved)
    assert CheckpointFolder(moved).read(row) == b"weights"


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "outside"])
def test_damage_is_noticed(tmp_path: Path, damage: str) -> None:
    folder = CheckpointFolder(tmp_path / "root")
    row = folder.write("lr_aug", 7, 2, 3, "resume", b"weights")
    file = folder.root / row.location
    if damage == "truncated":
        file.write_bytes(b"weigh")
    elif damage == "altered":
        file.write_bytes(b"WEIGHTS")
    elif damage == "missing":
        file.unlink()
    else:
        (tmp_path / "secret").write_bytes(b"weights")
        row = CheckpointRow(7, 2, 3, "resume", "../secret", row.host, row.size, row.sha256)
    with pytest.raises(CheckpointDamaged) as caught:
        folder.read(row)
    assert "\n" not in str(caught.value)


def test_a_writer_killed_in_the_middle_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """At any moment, hence whenever the kill comes, the file of a key is one of those written, never a part of one."""
    ready = spawn.Queue()
    victim = spawn.Process(target=write_for_ever, args=(str(tmp_path), ready), daemon=True)
    victim.start()
    row = ready.get(timeout=60)
    seen = set()
    # Windows refuses to replace a file that is being read; there, only the kill is tried.
    until = time.monotonic() + (0.2 if os.name == "nt" else 1.0)
    while time.monotonic() < until:
        if os.name == "nt":
            time.sleep(0.01)
            continue
        payload = (tmp_path / row.location).read_bytes()
        assert len(payload) == row.size == 3_000_000
        seen |= {payload[0], payload[-1]}
    assert len(seen) > 1 or os.name == "nt"  # it was written over meanwhile
    victim.kill()
    victim.join(10)
    payload = (tmp_path / row.location).read_bytes()
    assert len(payload) == row.size and len(set(payload)) == 1
    (tmp_path / "s" / "1" / f".{Path(row.location).name}-0123.part").write_bytes(
        b"half"
    )  # when it is killed a little earlier
    CheckpointFolder(tmp_path).prune(1, keep=1)
    assert len(list((tmp_path / "s" / "1").iterdir())) >= 2, "others may be writing"
    CheckpointFolder(tmp_path).prune(1, keep=0, study="s", kind="resume")
    assert not (tmp_path / "s" / "1").exists()


def test_the_newest_of_each_kind_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    rows = [folder.write("s", 1, token, epoch, "resume", b"x") for token, epoch in ((1, 4), (1, 5), (2, 3), (2, 4))]
    best = folder.write("s", 1, 1, 2, "best", b"x")
    other = folder.write("s", 2, 1, 1, "resume", b"x")
    folder.prune(1, keep=2)
    assert [(tmp_path / row.location).exists() for row in rows] == [False, False, True, True]
    assert folder.read(best) == folder.read(other) == b"x"
    folder.prune(99)
    CheckpointFolder(tmp_path / "nowhere").prune(1)


def test_the_first_file_after_a_takeover_outlives_further_ones_of_the_attempt_before(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    lost = [folder.write("s", 1, 1, epoch, "resume", b"x") for epoch in (8, 9)]
    first = folder.write("s", 1, 2, 3, "resume", b"x")
    folder.prune(1, keep=2)
    late = folder.write("s", 1, 1, 10, "resume", b"x")  # a zombie's
    folder.prune(1, keep=1)
    assert [(tmp_path / row.location).exists() for row in (*lost, late, first)] == [False, False, False, True]


def test_many_may_delete_the_same_at_once(tmp_path: Path) -> None:
    """Every worker of a host deletes the weights that it sees to be superfluous."""
    folder = CheckpointFolder(tmp_path)
    trials = range(1, 301)
    for trial in trials:
        (tmp_path / "lr_aug" / str(trial)).mkdir(parents=True)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(folder.prune, trial, keep=0, study="lr_aug") for trial in trials for _ in range(8)]
        for each in asked:
            each.result()
    assert folder.trials("lr_aug") == set()


def test_two_attempts_never_touch_each_others_files(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    old, new = folder.write("s", 1, 1, 5, "resume", b"old"), folder.write("s", 1, 2, 5, "resume", b"new")
    assert folder.read(old) == b"old" and folder.read(new) == b"new"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CheckpointUnwritable) as caught:
        CheckpointFolder(tmp_path / "file").write("s", 1, 1, 1, "resume", b"x")
    assert "\n" not in str(caught.value) and "cannot write a checkpoint" in str(caught.value)
    with pytest.raises(NameInvalid):
        CheckpointFolder(tmp_path).write("../s", 1, 1, 1, "resume", b"x")


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name == "nt", reason="no way to a full disk here")
def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    import resource
    import signal

    folder = CheckpointFolder(tmp_path)
    first = folder.write("s", 1, 1, 1, "resume", b"x" * 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(CheckpointUnwritable):
            folder.write("s", 1, 1, 2, "resume", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert folder.read(first) == b"x" * 1000
    assert [file.name for file in (tmp_path / "s" / "1").iterdir()] == [Path(first.location).name]

"""What holds for checkpoints in a folder holds for those in a bucket, on a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.bucket import CheckpointBucket
from storage.checkpoints import Checkpoints, check_place, checkpoints_at
from storage.errors import CheckpointDamaged, CheckpointUnwritable, NameInvalid
from storage.rows import CheckpointRow
from tests.storage.s3_server import environment, s3_server


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder behind the bucket `s3://team`, which is served."""
    folder = tmp_path / "buckets" / "team"
    folder.mkdir(parents=True)
    with s3_server(folder.parent) as endpoint:
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        yield folder


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """Where checkpoints are asked to go, and the folder where they are found."""
    if request.param == "folder":
        return str(tmp_path / "shared"), tmp_path / "shared"
    folder = request.getfixturevalue("bucket")
    return "s3://team/ceteris", folder / "ceteris"


@pytest.fixture
def checkpoints(place: tuple[str, Path]) -> Checkpoints:
    return checkpoints_at(place[0], "1-abc")


def test_what_one_server_writes_another_reads(place: tuple[str, Path], checkpoints: Checkpoints) -> None:
    payload = bytes(range(256)) * 5000
    row = checkpoints.write("lr_aug", 7, 2, 3, "best", payload)
    assert (row.trial_id, row.token, row.epoch, row.kind, row.size) == (7, 2, 3, "best", len(payload))
    assert row.location == "lr_aug/7/best-t0002-e000003.ckpt", "the key carries token and epoch"
    assert checkpoints_at(place[0], "1-abc").read(row) == payload
    assert (place[1] / "1-abc" / row.location).read_bytes() == payload
    with pytest.raises(CheckpointDamaged):
        checkpoints_at(place[0], "2-abc").read(row)  # another study's


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "outside"])
def test_damage_is_noticed(place: tuple[str, Path], checkpoints: Checkpoints, damage: str) -> None:
    row = checkpoints.write("lr_aug", 7, 2, 3, "resume", b"weights")
    file = place[1] / "1-abc" / row.location
    if damage == "truncated":
        file.write_bytes(b"weigh")
    elif damage == "altered":
        file.write_bytes(b"WEIGHTS")
    elif damage == "missing":
        file.unlink()
    else:
        row = CheckpointRow(7, 2, 3, "resume", "../../secret", row.host, row.size, row.sha256)
    with pytest.raises(CheckpointDamaged) as caught:
        checkpoints.read(row)
    assert "\n" not in str(caught.value)


def test_the_newest_of_each_kind_are_kept_and_a_zombies_never_push_out_the_heirs(checkpoints: Checkpoints) -> None:
    def there(row: CheckpointRow) -> bool:
        try:
            return checkpoints.read(row) == b"x"
        except CheckpointDamaged:
            return False

    told = ((1, 4), (1, 5), (2, 3), (2, 4), (1, 9))
    rows = [checkpoints.write("s", 1, token, epoch, "resume", b"x") for token, epoch in told]
    best, other = checkpoints.write("s", 1, 1, 2, "best", b"x"), checkpoints.write("s", 12, 1, 1, "resume", b"x")
    assert checkpoints.trials("s") == {1, 12}
    checkpoints.prune(1, keep=2, study="s")
    assert [there(row) for row in rows] == [False, False, True, True, False]
    checkpoints.prune(1, keep=0, study="s", kind="resume")
    assert [there(row) for row in (*rows, best, other)] == [False] * 5 + [True, True]
    checkpoints.prune(1, keep=0)
    checkpoints.prune(99, study="s")
    assert checkpoints.trials("s") == {12}
    assert checkpoints.trials("nowhere") == set()


def test_a_place_that_works_is_checked_and_left_as_it_was(place: tuple[str, Path]) -> None:
    check_place(place[0])
    assert [file for file in place[1].rglob("*") if file.is_file()] == []


def test_names_are_validated(checkpoints: Checkpoints) -> None:
    with pytest.raises(NameInvalid):
        checkpoints.write("../s", 1, 1, 1, "resume", b"x")


@pytest.mark.parametrize("url", ["s3://", "s3://Team/x", "s3://key:secret@team/x", "s3://team/../x y", "s3:team"])
def test_what_is_no_bucket_is_one_line(url: str) -> None:
    with pytest.raises(CheckpointUnwritable, match="give s3://bucket/prefix"):
        check_place(url)


def test_a_bucket_that_is_not_there_is_one_line_without_a_secret(bucket: Path) -> None:
    with pytest.raises(CheckpointUnwritable, match="no such bucket") as caught:
        check_place("s3://nobodys/prefix")
    assert "\n" not in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_server_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    away = CheckpointBucket("s3://team/ceteris")
    with pytest.raises(CheckpointUnwritable, match="AWS_ENDPOINT_URL") as caught:
        away.write("s", 1, 1, 1, "resume", b"x")
    assert "\n" not in str(caught.value) and "s3cret" not in str(caught.value)
    with pytest.raises(CheckpointDamaged):
        away.read(CheckpointRow(1, 1, 1, "resume", "s/1/x.ckpt", "host", 1, "ab"))

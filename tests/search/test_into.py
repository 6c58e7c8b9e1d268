"""Somebody's own file, and the block in it that is ours."""

import stat
from pathlib import Path

import pytest

from search.edge import UserError
from search.into import marks, put_into

BEGIN, END = marks("lr_aug")


def test_the_block_is_added_at_the_end_then_replaced_and_all_else_stays(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes("# 내 프로젝트\r\n마지막".encode())
    assert put_into(file, "lr_aug", ["one", "two"])
    assert file.read_bytes() == f"# 내 프로젝트\r\n마지막\r\n\r\n{BEGIN}\r\none\r\ntwo\r\n{END}\r\n".encode()
    file.write_bytes(file.read_bytes() + b"behind it\r\n")
    assert put_into(file, "lr_aug", ["three"])
    assert file.read_bytes() == f"# 내 프로젝트\r\n마지막\r\n\r\n{BEGIN}\r\nthree\r\n{END}\r\nbehind it\r\n".encode()


def test_putting_the_same_in_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(b"text\n")
    assert put_into(file, "lr_aug", ["one"])
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert not put_into(file, "lr_aug", ["one"])
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_the_blocks_of_two_studies_live_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(b"")
    put_into(file, "lr_aug", ["one"])
    put_into(file, "lr_aug-2", ["two"])
    put_into(file, "lr_aug", ["three"])
    text = file.read_text(encoding="utf-8")
    assert "three" in text and "two" in text and "one" not in text


@pytest.mark.parametrize(
    "content", [f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", b"\xff\xfe"]
)
def test_a_file_that_cannot_be_understood_is_refused_and_left_alone(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "README.md"
    raw = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(raw)
    with pytest.raises(UserError) as refused:
        put_into(file, "lr_aug", ["one"])
    assert "\n" not in str(refused.value) and str(file) in str(refused.value)
    assert file.read_bytes() == raw
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_without_write_permission_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(b"mine\n")
    file.chmod(stat.S_IREAD)
    with pytest.raises(UserError, match="may not be written") as refused:
        put_into(file, "lr_aug", ["one"])
    assert "\n" not in str(refused.value)
    assert file.read_bytes() == b"mine\n"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        put_into(tmp_path / "README.md", "lr_aug", ["one"])

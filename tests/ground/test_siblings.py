"""A wrong `trainer` or `spaces` on the path is named before it runs; real processes, for sys.path is theirs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
CHECK = "from search.siblings import check; check()"


def run(program: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTHONSAFEPATH", None)
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_in_the_folder_of_the_repository_nothing_is_wrong() -> None:
    ended = run(CHECK, HOME)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", ["spaces", "storage", "trainer"])
@pytest.mark.parametrize("shape", ["package", "module", "folder"])
def test_a_namesake_where_one_stands_is_named_with_the_way_out(tmp_path: Path, name: str, shape: str) -> None:
    wrong = tmp_path / name
    if shape == "module":
        wrong = tmp_path / f"{name}.py"
        wrong.write_text("raise SystemExit('the wrong code ran')\n", encoding="utf-8")
    else:
        wrong.mkdir()
    if shape == "package":
        (wrong / "__init__.py").write_text("raise SystemExit('the wrong code ran')\n", encoding="utf-8")
    ended = run(CHECK, tmp_path, path=str(HOME))
    if shape == "folder":  # a folder without __init__.py gives way to a real package further down the path
        assert ended.returncode == 0, ended.stderr
        return
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("search.siblings.WrongPackage: ")
    for told in (f'"{name}"', str(wrong), str(HOME), "PYTHONPATH"):
        assert told in last
    assert "the wrong code ran" not in ended.stderr


def test_a_package_that_was_imported_already_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__init__.py").touch()
    ended = run(f"import trainer, sys; sys.path.insert(0, {str(HOME)!r}); {CHECK}", tmp_path)
    assert "WrongPackage" in ended.stderr


def test_a_copy_of_search_alone_misses_its_siblings(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    for name in ("__init__.py", "siblings.py"):
        shutil.copy(HOME / "search" / name, tmp_path / "search" / name)
    ended = run(CHECK, tmp_path)
    assert 'the package "spaces" is not on Python\'s path' in ended.stderr


def test_two_clones_are_told_apart_though_their_names_hold_spaces_and_korean(tmp_path: Path) -> None:
    clone = tmp_path / "김 하늘" / "ceteris"
    for name in ("search", "spaces", "storage", "trainer"):
        (clone / name).mkdir(parents=True)
        (clone / name / "__init__.py").touch()
    shutil.copy(HOME / "search" / "siblings.py", clone / "search" / "siblings.py")
    assert run(CHECK, clone).returncode == 0
    mixed = run(f"import search; import sys; sys.path.insert(0, {str(HOME)!r}); {CHECK}", clone)
    assert str(HOME / "spaces") in mixed.stderr
    assert str(clone / "spaces") in mixed.stderr


def test_looking_imports_none_of_them() -> None:
    ended = run(
        f"{CHECK}; import sys; print(sorted({{'spaces', 'storage', 'trainer', 'torch'}} & set(sys.modules)))", HOME
    )
    assert ended.stdout.strip() == "[]"

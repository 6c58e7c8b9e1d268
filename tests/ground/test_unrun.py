"""What could not run is counted by its reason in the last line of a test run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
TESTS = """
import pytest
@pytest.mark.browser
def test_a_page(): pass
@pytest.mark.browser
def test_another_page(): pass
def test_plain(): pass
def test_own_reason(): pytest.skip("no second disk")
@pytest.mark.xfail(strict=True)
def test_known(): assert False
"""


def last_line(place: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    (place / "conftest.py").write_text('pytest_plugins = ["tests.unrun"]\n', encoding="utf-8")
    (place / "pytest.ini").write_text("[pytest]\nmarkers =\n    gpu\n    browser\n    netns\n", encoding="utf-8")
    (place / "test_planted.py").write_text(TESTS, encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, "."],
        cwd=place,
        env={**clean, "PYTHONPATH": str(HOME), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    return ended.returncode, ended.stdout.splitlines()[-1]


@pytest.mark.parametrize("arguments", [(), ("-n", "2"), ("-q",)], ids=["plain", "two processes", "quiet"])
def test_the_last_line_names_what_could_not_run_and_why(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, line = last_line(tmp_path, *arguments, CETERIS_TEST_BROWSER="no-such-browser")
    assert code == 0
    assert "1 passed" in line
    assert "2 not run here: browser (CETERIS_TEST_BROWSER=no-such-browser is no program)" in line
    assert "1 not run here: no second disk" in line
    assert "1 xfailed" in line


def test_in_ci_a_browser_test_that_cannot_run_is_a_failure(tmp_path: Path) -> None:
    code, line = last_line(tmp_path, CETERIS_TEST_BROWSER="no-such-browser", CI="true")
    assert code == 1
    assert "2 errors" in line


def test_what_can_run_runs(tmp_path: Path) -> None:
    code, line = last_line(tmp_path, CETERIS_TEST_BROWSER=sys.executable)
    assert code == 0
    assert "3 passed" in line
    assert "browser" not in line

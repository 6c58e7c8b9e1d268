"""`make docs`: the pages build as a site without a warning, and what is built asks for nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

from tests.ground.pages import DOCS, HOME, pages

LOADED = re.compile(
    r"<(?:link|script|img|iframe|source|object|embed|video)\b[^>]*?(?:src|href|data)=\"(?:https?:)?//", re.I
)
STYLE = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"]?)(?:https?:)?//", re.I)


def build(target: Path) -> subprocess.CompletedProcess[str]:
    words = ["--fail-on-warning", "--keep-going", "--quiet", "-d", str(target / "doctrees")]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(DOCS), str(target / "site")],
        capture_output=True,
        encoding="utf-8",
        timeout=250,
        check=False,
    )


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    built = {file.relative_to(site).with_suffix("").as_posix() for file in site.rglob("*.html")}
    assert {
        page.file.relative_to(DOCS).with_suffix("").as_posix() for page in pages() if DOCS in page.file.parents
    } <= built
    for file in site.rglob("*.*"):
        if file.suffix in (".html", ".css"):
            text = file.read_text(encoding="utf-8")
            assert not LOADED.search(text), file
            assert not STYLE.search(text), file
    start = (site / "index.html").read_text(encoding="utf-8")
    assert "study.svg" in start
    assert "시작 페이지" in start


def test_make_docs_does_what_is_tested_here() -> None:
    makefile = (HOME / "Makefile").read_text(encoding="utf-8")
    assert "$(PY) -m sphinx --fail-on-warning --keep-going --quiet --fresh-env docs build/docs" in makefile
    assert "build/" in (HOME / ".gitignore").read_text(encoding="utf-8").splitlines()

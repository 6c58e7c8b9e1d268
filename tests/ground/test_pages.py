"""No page leads nowhere, each has its place, translations type the same commands, every mistake has a row."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ground.pages import DOCS, HOME, Page, pages

PAGES = pages()
RECORDS = ("CHANGELOG.md", "docs/LOG.md")  # of what was: files they name may be gone
LOOKS_LIKE_A_FILE = re.compile(r"(?:search|spaces|storage|trainer|benchmarks|docs|tests|\.github)/[\w./*-]+")
TOP_FILES = re.compile(r"(?:Makefile|Dockerfile|[\w.-]+\.(?:md|txt|toml|yml))")
OF_THE_READER = {  # written by a study, or to be written
    *("report.html", "EXPERIMENTS.md", "answer.txt", "recipe.json", "ceteris.toml", "ceteris.local.toml", "data.txt"),
}


def named(page: Page) -> list[str]:
    return [f"{page.name}: {link}" for link in dead_links(page)]


def dead_links(page: Page) -> Iterator[str]:
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.file.parent / path).resolve() if path else page.file
        if not target.exists() or (anchor and anchor not in Page(target).anchors):
            yield link


def test_every_link_picture_and_anchor_is_there() -> None:
    assert [link for page in PAGES for link in named(page)] == []


def test_a_dead_link_or_anchor_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# One `two`\n[a](a.md#one-two) [b](b.md) [c](#three) `[d](no)`\n", encoding="utf-8")
    assert list(dead_links(Page(tmp_path / "a.md"))) == ["b.md", "#three"]


def test_every_file_of_this_repository_that_a_page_names_is_there() -> None:
    gone = []
    for page in PAGES:
        if page.name in RECORDS:
            continue
        for code in page.inline:
            if LOOKS_LIKE_A_FILE.fullmatch(code) and not list(HOME.glob(code.rstrip("/"))):
                gone.append(f"{page.name}: {code}")
            if TOP_FILES.fullmatch(code) and code not in OF_THE_READER and not code.startswith(("my_", "train")):
                places = (HOME, DOCS, page.file.parent)
                gone += [] if any((place / code).exists() for place in places) else [f"{page.name}: {code}"]
    assert gone == []


def test_every_page_has_one_place_in_the_navigation() -> None:
    conf = ast.parse((DOCS / "conf.py").read_text(encoding="utf-8"))
    (value,) = [node.value for node in conf.body if isinstance(node, ast.AnnAssign) and node.value]
    navigation: dict[str, list[str]] = ast.literal_eval(value)
    listed = Counter(re.sub(r".*<(.*)>", r"\1", entry) for entries in navigation.values() for entry in entries)
    there = {page.file.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES if DOCS in page.file.parents}
    assert set(listed) == there - {"index"}
    assert max(listed.values()) == 1
    assert list(listed)[-2:] == ["BENCHMARKS", "LOG"]


@pytest.mark.parametrize("name", ["index", "start", "several_servers", "answer"])
def test_a_korean_page_types_the_commands_of_the_english_one(name: str) -> None:
    english, korean = Page(DOCS / f"{name}.md"), Page(DOCS / "ko" / f"{name}.md")
    assert list(korean.typed()) == list(english.typed()) != []
    assert len(korean.blocks) == len(english.blocks)


# Every mistake that can be told in one line has a row in docs/trouble.md.
TOLD = re.compile(r"(User|Storage|Data|Recipe|Backbone|Custom|Metric|Model)Error|Refused|PreflightStop|StorageRefused")
TOLD_TOO = {"StorageUnreachable", "BadOverride", "UnknownStudy", "WrongPackage", "SchemaTooNew", "NameInvalid"}


def words_of(node: ast.expr) -> str:
    """A message as it is written; `…` for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(words_of, values))
        case ast.BinOp(left=left, right=right):
            return words_of(left) + words_of(right)
        case ast.IfExp(body=body):
            return words_of(body)
    return "…"


def messages() -> Iterator[tuple[str, str]]:
    for top in ("search", "spaces", "storage", "trainer"):
        for file in sorted((HOME / top).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
                    continue
                name = node.exc.func.id if isinstance(node.exc.func, ast.Name) else ""
                text = re.sub("…+", "…", words_of(node.exc.args[0]))
                if (TOLD.fullmatch(name) or name in TOLD_TOO) and len(re.sub("[^a-zA-Z]", "", text)) >= 8:
                    yield f"{file.relative_to(HOME).as_posix()}:{node.lineno}", text


def rows() -> list[re.Pattern[str]]:
    """What may be seen, as patterns: `...` stands for anything."""
    page = Page(DOCS / "trouble.md")
    cells = [line.split("|")[1] for line in page.text.splitlines() if line.startswith("|")]
    seen = [code for cell in cells for code in re.findall("`([^`]+)`", cell)]
    return [re.compile(".*".join(map(re.escape, code.split("...")))) for code in seen if len(code) >= 12]


def test_every_one_line_message_has_a_row_that_says_what_to_do() -> None:
    known = rows()
    assert [f"{where} {text}" for where, text in messages() if not any(row.search(text) for row in known)] == []
    assert len(list(messages())) > 300


def test_every_row_is_about_something_that_is_said() -> None:
    """A message that is gone, or said otherwise, leaves no row behind."""
    said = "\n".join(file.read_text(encoding="utf-8") for file in HOME.glob("*/*.py"))
    said += "\n".join(file.read_text(encoding="utf-8") for file in (HOME / "trainer").rglob("*.py"))
    said = re.sub(r'"\s*\n\s*f?"', "", said) + (HOME / "Makefile").read_text(encoding="utf-8")
    outside = {"No space left on device"}
    gone = []
    for row in rows():
        parts = [part for part in row.pattern.replace("\\", "").split(".*") if len(part.strip()) >= 8]
        gone += [part for part in parts if part.strip() not in said and part.strip() not in outside]
    assert gone == []

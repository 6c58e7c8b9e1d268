"""The Markdown pages of this repository, taken apart: links, headings, code, commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
DOCS = HOME / "docs"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
COMMAND = re.compile(r"(?:python|py -3\.11|\.venv\S+python) -m ([\w.]+)(.*)")


@dataclass(frozen=True)
class Page:
    file: Path

    @property
    def name(self) -> str:
        return self.file.relative_to(HOME).as_posix()

    @cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Everything but fenced blocks."""
        return FENCE.sub("", self.text)

    @cached_property
    def anchors(self) -> set[str]:
        """What a link into the page may name: the headings as GitHub writes them."""
        found: set[str] = set()
        for heading in re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
        return found

    @cached_property
    def links(self) -> list[str]:
        """Targets of links and images."""
        return re.findall(r"\]\(([^)\s]+)\)", INLINE.sub("", self.prose))

    @cached_property
    def inline(self) -> list[str]:
        return INLINE.findall(self.prose)

    @cached_property
    def blocks(self) -> list[tuple[str, str]]:
        """(language or "", text) of each fenced block."""
        return FENCE.findall(self.text)

    def typed(self) -> Iterator[list[str]]:
        """The words of every line that is typed into a shell, comments gone and `&&` taken apart."""
        for language, text in self.blocks:
            if language not in ("", "bash", "console"):
                continue
            for line in text.splitlines():
                if re.match(r"(python|py |\.venv|make |scp |docker-compose |conda |[A-Z_]+=\S+ )", line):
                    yield from _commands(line)

    def modules(self) -> Iterator[tuple[str, list[str]]]:
        """Module and words of every `python -m MODULE ...` on the page: typed, printed, or within a sentence."""
        lines = [COMMAND.search(line) for _, text in self.blocks for line in text.splitlines()]
        for found in (*lines, *map(COMMAND.match, self.inline)):
            if found:
                # Optional parts are written in brackets.
                rest = re.sub(r"\[(--?[^]]*)\]", r"\1", found[2])
                yield found[1], _commands(rest)[0] if rest.strip() else []


def _commands(line: str) -> list[list[str]]:
    bare = re.sub(r"(?:^|\s)#.*", "", line).replace("\\Scripts\\", "/Scripts/")  # 1-lr#4 is no comment
    words, commands = shlex.split(bare), [[]]
    for word in words:
        if word in ("&&", "|", ";"):
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def pages() -> list[Page]:
    """README, its translation, the changelog, and everything in docs/."""
    files = [*HOME.glob("*.md"), *DOCS.rglob("*.md")]
    return [Page(file) for file in sorted(files)]

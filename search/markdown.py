"""Any text as Markdown that shows exactly that text."""

import re
from collections.abc import Sequence

_ALWAYS = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "|": "\\|",
    "\\": "\\\\",
    "`": "\\`",
    "*": "\\*",
    "[": "\\[",
    "]": "\\]",
    "~": "\\~",
    "$": "\\$",
}


def shown(text: object) -> str:
    """On one line; what Markdown or HTML would read as markup, a link or a formula is written so that it is not."""
    flat = " ".join(
        "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in str(text)).split()
    )
    escaped = "".join(_ALWAYS.get(character, character) for character in flat)
    escaped = re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\\_", escaped)  # inside of a word it is plain anyway
    return re.sub(r"(?i)://|(?<=www)\.", lambda found: "&#58;//" if found[0] == "://" else "&#46;", escaped)


def table(rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> list[str]:
    """The first row is the header; the columns `right` are aligned to the right."""
    marks = ["--:" if column in right else "---" for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in rows]
    return [lines[0], "| " + " | ".join(marks) + " |", *lines[1:]]

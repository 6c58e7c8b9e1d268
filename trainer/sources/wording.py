"""How names from the outside stand in a line: quoted where they must be, cut where there are too many."""

from collections.abc import Iterable

NAMED = 20  # of many things of one kind that a line names


def shown(name: object) -> str:
    """`name` on one line, of a length that can be read; unprintable characters escaped."""
    text = str(name)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 200 else f"{text[:99]}...{text[-98:]}"


def listed(names: Iterable[object]) -> str:
    """`a, b, c and 17 more`."""
    every = [shown(name) for name in names]
    rest = f" and {len(every) - NAMED:,} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + rest


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 image`, `12 images`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

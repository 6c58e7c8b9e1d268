"""Small tables of plain text."""

from collections.abc import Sequence


def aligned(rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return tuple(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def span(values: Sequence[int]) -> str:
    """`1,120`, `3 to 7`, or `-` of nothing."""
    if not values:
        return "-"
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"

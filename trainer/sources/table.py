"""A CSV file as a table of text, whoever wrote it: a spreadsheet, Windows in Korean, a script."""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.sources.listing import composed
from trainer.sources.source import DataError
from trainer.sources.wording import listed, shown

_DELIMITERS = ",;\t"
_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Table:
    """`rows` of as many cells as there are columns, trimmed and composed; `lines` are where the rows stand."""

    file: Path
    columns: tuple[str, ...]  # in lower case
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    titles: tuple[str, ...] = ()  # the columns as they are written

    def column(self, name: str) -> list[str]:
        """DataError naming the columns there are if `name` is none of them."""
        if name.lower() not in self.columns:
            raise DataError(f"{shown(self.file)} has no column {shown(name)}: its columns are {listed(self.columns)}")
        place = self.columns.index(name.lower())
        return [row[place] for row in self.rows]

    def filled(self, name: str) -> list[str]:
        """The column; DataError if a cell is empty."""
        cells = self.column(name)
        empty = [line for line, cell in zip(self.lines, cells, strict=True) if not cell]
        if empty:
            where = f"line {empty[0]}" if len(empty) == 1 else f"{len(empty):,} lines, such as {empty[0]}"
            raise DataError(f"{shown(self.file)} has no {name} in {where}: fill it in or remove the lines")
        return cells


def read_table(file: Path) -> Table:
    """DataError, with the line, for what is no table of text with a header. Raises OSError."""
    text = _text(file, file.read_bytes())
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for row in reader:
            cells = tuple(composed(cell.strip()) for cell in row)
            if any(cells):
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{shown(file)} cannot be read in line {reader.line_num} ({error}): mend it") from error
    if not rows:
        raise DataError(f"{shown(file)} is empty: its first line names the columns, such as path,label")
    columns = _header(rows[0])
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"{shown(file)} has two columns called {shown(twice)!r}: rename one")
    width = len(columns)
    for line, cells in zip(lines, rows, strict=True):
        if len(cells) < width or any(cells[width:]):
            raise DataError(
                f"{shown(file)} has {len(cells)} fields in line {line}, its header {width}: "
                'put fields that hold a comma in quotes, "like, this"'
            )
    if len(rows) == 1:
        raise DataError(f"{shown(file)} holds a header and no images: add a line for each")
    return Table(file, columns, tuple(row[:width] for row in rows[1:]), tuple(lines[1:]), rows[0][:width])


def header_of(file: Path) -> Sequence[str]:
    """The columns in the first line, in lower case; none where there is no such line. Raises OSError."""
    with file.open("rb") as opened:
        first = opened.readline(_HEADER_BYTES)
    try:
        text = _text(file, first)
        return _header(next(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)), []))
    except (DataError, csv.Error):
        return ()


def _header(cells: Sequence[str]) -> tuple[str, ...]:
    """Empty names at the end, which spreadsheets leave, fall away."""
    names = [composed(cell.strip()).lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _text(file: Path, content: bytes) -> str:
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp949"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DataError(f"{shown(file)} is no text in UTF-8, UTF-16 or cp949: save it as CSV in UTF-8")


def _delimiter(text: str) -> str:
    """The one that cuts the first line into most columns; a comma where none does."""
    first = text.lstrip().partition("\n")[0].rstrip("\r")[:_HEADER_BYTES]
    return max(_DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign), [])))

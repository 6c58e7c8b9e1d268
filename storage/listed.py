"""Many numbers as one value to be bound: a statement with one value for each costs the client as much as its rows."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from storage.names import to_json


class _Among(FunctionElement[bool]):
    """Of a column and a JSON list."""

    type = Boolean()
    inherit_cache = True


@compiles(_Among, "sqlite")
def _on_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, told = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({told})))"


@compiles(_Among, "postgresql")
def _on_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    """A comparison with an array can use an index, also beside others; a subquery cannot."""
    column, told = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY (CAST(translate({told}, '[]', '{{}}') AS BIGINT[])))"


def among(column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:
    """Whether the column is one of these."""
    return _Among(column, bindparam(None, to_json(sorted(numbers)), type_=Text, unique=True))

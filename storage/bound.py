"""Many values bound as one, as JSON.

A statement that has a place for each is built anew for every number of them, which costs a client more than all else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, bindparam, cast, column, func, types
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias

from storage.names import to_json


class _Among(FunctionElement[bool]):
    """Of a column and a JSON list."""

    type = Boolean()
    inherit_cache = True


@compiles(_Among, "sqlite")
def _on_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    mine, told = (compiler.process(each, **options) for each in element.clauses)
    return f"({mine} IN (SELECT value FROM json_each({told})))"


@compiles(_Among, "postgresql")
def _on_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    """A comparison with an array can use an index, also beside others; a subquery cannot."""
    mine, told = (compiler.process(each, **options) for each in element.clauses)
    return f"({mine} = ANY (CAST(translate({told}, '[]', '{{}}') AS BIGINT[])))"


def among(mine: Any, numbers: Iterable[int]) -> ColumnElement[bool]:
    """Whether the column is one of these."""
    return _Among(mine, bindparam(None, to_json(sorted(numbers)), type_=Text, unique=True))


def recordset(name: str, columns: Iterable[ColumnElement[Any]]) -> TableValuedAlias:
    """PostgreSQL's table of what is bound under `name` as `as_recordset` makes it."""
    told = func.json_to_recordset(cast(bindparam(name, type_=Text), types.JSON))
    wanted = (column(each.name, each.type) for each in columns)
    return told.table_valued(*wanted).render_derived(f"told_{name}", with_types=True)


def as_recordset(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of finite numbers, text and members of enumerations."""
    return json.dumps(rows, default=_name, allow_nan=False)


def _name(member: Enum) -> str:
    return member.name

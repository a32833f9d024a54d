"""Many rows as one bound parameter, so that a look-up for a batch is one statement, whatever the number of users."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import JSON, FromClause, Text, bindparam, cast, column, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

Columns: TypeAlias = Mapping[str, TypeEngine[Any]]
"""Column names, each with its type."""

_ROWS = "rows"


def input_rows(dialect: Dialect, columns: Columns) -> FromClause:
    """A table `wanted` with these columns, filled from the parameter that `as_parameter` makes."""
    rows = bindparam(_ROWS, type_=Text)
    if dialect.name == "postgresql":
        wanted = [column(name, kind) for name, kind in columns.items()]
        recordset = func.json_to_recordset(cast(rows, JSON)).table_valued(*wanted)
        return recordset.render_derived(name="wanted", with_types=True)
    each = func.json_each(rows).table_valued("value").alias("each_row")
    cells = [func.json_extract(each.c.value, f"$.{name}", type_=kind).label(name) for name, kind in columns.items()]
    return select(*cells).select_from(each).subquery("wanted")


def as_parameter(dialect: Dialect, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The rows as a statement's parameter. Moments must be UTC."""
    spec = "%Y-%m-%d %H:%M:%S.%f+00" if dialect.name == "postgresql" else "%Y-%m-%d %H:%M:%S.%f"

    def moment(value: datetime) -> str:
        return value.strftime(spec)

    return {_ROWS: json.dumps(rows, default=moment, ensure_ascii=False)}

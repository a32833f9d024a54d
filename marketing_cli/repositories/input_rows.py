"""Many rows as one bound parameter, so that a look-up for a batch is one statement, whatever the number of users."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from marketing_cli.domain.layouts import SPREAD, Spread
from marketing_cli.domain.moments import utc_texts

Columns: TypeAlias = Mapping[str, TypeEngine[Any]]
"""Column names, each with its type."""

_ROWS = "rows"


def input_rows(dialect: str, columns: Columns) -> FromClause:
    """A table `wanted` with these columns, filled from the parameter that `as_parameter` makes."""
    rows = bindparam(_ROWS, type_=Text)
    cells: list[ColumnElement[Any]]
    if dialect == "postgresql":
        each = func.json_array_elements(cast(rows, JSON)).table_valued(column("value", JSON), name="each_row")
        cells = [cast(each.c.value[place].as_string(), kind) for place, kind in enumerate(columns.values())]
    else:
        each = func.json_each(rows).table_valued("value").alias("each_row")
        cells = [
            func.json_extract(each.c.value, f"$[{place}]", type_=kind) for place, kind in enumerate(columns.values())
        ]
    return (
        select(*(cell.label(name) for name, cell in zip(columns, cells, strict=True)))
        .select_from(each)
        .subquery("wanted")
    )


def input_pairs(dialect: str, first: str, second: str) -> FromClause:
    """A table `wanted` with two columns of text, filled from the parameter that `pairs_as_parameter` makes.

    They are keys and values of one JSON object, which the database takes apart in half the time of rows.
    """
    rows = bindparam(_ROWS, type_=Text)
    members = func.json_each_text(cast(rows, JSON)) if dialect == "postgresql" else func.json_each(rows)
    each = members.table_valued(column("key", Text), column("value", Text), name="each_row")
    return select(each.c.key.label(first), each.c.value.label(second)).select_from(each).subquery("wanted")


def of_user(
    dialect: str, user_id: "SQLColumnExpression[str]", wanted: "SQLColumnExpression[str]"
) -> "ColumnElement[bool]":
    """That a row found by its event is that user's, so that of tables spread by user one part is looked into.

    SQLite, where every table is whole, would take it for a reason to go through all rows of the user.
    """
    return true() if dialect == "sqlite" else user_id == wanted


def is_in_citus(session: Session) -> bool:
    """Whether the users' tables are distributed by Citus.

    It refuses a subquery with a limit for each row ("complex joins are only supported …"), since it cannot see that the
    subquery is of the same user. There, look-ups are plain joins, which read all that meets them, and not one row.
    """
    options: Mapping[str, Any] = session.get_bind().get_execution_options()
    return options.get(SPREAD) is Spread.CITUS


def as_parameter(dialect: str, rows: Iterable[tuple[Any, ...]]) -> dict[str, str]:
    """Rows, their values in the order of the columns, as a statement's parameter.

    Moments must be UTC, and in a column of moments each value must be one.
    """
    moments = _texts_with_offset if dialect == "postgresql" else utc_texts
    columns = [moments(values) if isinstance(values[0], datetime) else values for values in zip(*rows, strict=True)]
    return {_ROWS: orjson.dumps(list(zip(*columns, strict=True))).decode()}


def pairs_as_parameter(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Pairs of texts as a statement's parameter; two of them may begin alike."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return {_ROWS: orjson.dumps(members).decode()}
    written = (f"{orjson.dumps(key).decode()}:{orjson.dumps(value).decode()}" for key, value in pairs)
    return {_ROWS: f"{{{','.join(written)}}}"}


def _texts_with_offset(moments: Sequence[datetime]) -> list[str]:
    return [f"{text}+00:00" for text in utc_texts(moments)]

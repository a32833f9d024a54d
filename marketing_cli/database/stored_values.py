"""Values that are not what their column holds: read past the types, each on its own, so that it can be named."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from orjson import loads
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    null,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine, UserDefinedType

from marketing_cli.errors import UnreadableValue
from marketing_cli.models import Base, Event
from marketing_cli.models.base import WORDS, StoredJson, UtcDateTime

ROW_BY_ROW: Final = {"stream_results": True, "max_row_buffer": 20}
"""Rows may have a MiB each: a server sends so many at once; SQLite one, and after each the time is looked at."""
_SLOW: Final = 0.1
_LAST: Final = 2**63 - 1


class Unread(NamedTuple):
    """What stands for a value that cannot be read; `raw` is as it is stored."""

    raw: Any


class Misfit(NamedTuple):
    """A row with a value that cannot be read; `event_key` is that of the event it belongs to, where there is one."""

    table: str
    row: int
    column: str
    event_key: str | None = None

    @property
    def place(self) -> str:
        """Where it is, in words."""
        event = f" (event {self.event_key})" if self.event_key else ""
        return f"{self.table}.{self.column} of row {self.row}{event}"


class _Careful(UserDefinedType[Any]):
    """Reads what the given type reads; what is no such value becomes `Unread`."""

    cache_ok = False

    def __init__(self, kind: TypeEngine[Any]) -> None:
        self.kind = kind

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401
        """Never created."""
        return "TEXT"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002
        """Read what comes from the database as it is."""
        read = _reader(self.kind, is_sqlite=dialect.name == "sqlite")

        def careful(raw: Any) -> Any:  # noqa: ANN401
            try:
                return None if raw is None else read(raw)
            except (ValueError, TypeError, OverflowError):
                return Unread(raw)

        return careful


def carefully(column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """The column, giving `Unread` for what it cannot read."""
    raw = column
    if dialect.name != "sqlite" and isinstance(column.type, StoredJson | UtcDateTime):
        raw = sql_cast(column, Text)  # else the driver reads it, and fails
    return type_coerce(raw, _Careful(column.type))


def careful_query(query: Any, dialect: Dialect) -> Select[Any]:  # noqa: ANN401
    """The query with each column under its name, giving `Unread` for what cannot be read."""
    columns = [carefully(column, dialect).label(name) for name, column in query.selected_columns.items()]
    changed: Select[Any] = query.with_only_columns(*columns, maintain_column_froms=True)
    return changed


def fits(kind: TypeEngine[Any], value_type: type) -> bool:
    """Whether a column of this type can give such a value; NULL it always can, through an outer join."""
    return value_type is type(None) or value_type in _PYTHON.get(_family(kind), (value_type,))


def misfits(
    session: Session, table: Table, after: int, to: int, is_up: Callable[[], bool]
) -> tuple[list[Misfit], int | None]:
    """The values that cannot be read in the rows of a table after one number to another included.

    It ends after the row at which the time is up; with them comes that row's number, None where all were read.
    """
    dialect = session.get_bind().dialect
    (number,) = table.primary_key
    columns = [carefully(column, dialect).label(column.name) for column in table.columns]
    query = select(*columns, _key_of(table, dialect).label("of_event")).where(number.between(after + 1, to))
    if "event_id" in table.c:
        query = query.outerjoin(Event, (Event.id == table.c.event_id) & (Event.user_id == table.c.user_id))
    found: list[Misfit] = []
    # A row may have a MiB: few at once.
    with closing(session.connection().execute(query.order_by(number), execution_options=ROW_BY_ROW)) as rows:
        for row in rows:
            found += _of_row(table, row)
            if is_up():
                return found, row._mapping[number.name]  # noqa: SLF001
    return found, None


def named(session_of: Callable[[], Any]) -> UnreadableValue | None:
    """The first value in the database that cannot be read, as an error; None where all can be. Takes its time."""
    for table in Base.metadata.sorted_tables:
        after: int | None = 0
        while after is not None:
            with session_of() as session:
                found, after = misfits(session, table, after, _LAST, _in_a_moment())
            if found:
                return UnreadableValue(found[0].place)
    return None


def _in_a_moment() -> Callable[[], bool]:
    end = time.monotonic() + _SLOW
    return lambda: time.monotonic() > end


def _of_row(table: Table, row: Any) -> Iterator[Misfit]:  # noqa: ANN401
    (number,) = table.primary_key
    for column, value in zip(table.columns, row, strict=False):
        words = column.info.get(WORDS)
        is_word = words is None or type(value) is not str or value in words
        if type(value) is Unread or (value is None and not column.nullable) or not is_word:
            key = row.of_event if type(row.of_event) is str else None
            yield Misfit(table.name, row._mapping[number.name], column.name, key)  # noqa: SLF001


def _key_of(table: Table, dialect: Dialect) -> ColumnElement[Any]:
    if table.name != Event.__tablename__ and "event_id" not in table.c:
        return null()
    return carefully(Event.__table__.c.event_key, dialect)


def _family(kind: TypeEngine[Any]) -> type:
    return next((family for family in _PYTHON if isinstance(kind, family)), object)


_PYTHON: Final[dict[type, tuple[type, ...]]] = {
    UtcDateTime: (datetime,),
    StoredJson: (dict, list),
    Boolean: (bool,),
    Integer: (int,),
    Float: (float, int),
    LargeBinary: (bytes,),
    String: (str,),
}


def _reader(kind: TypeEngine[Any], *, is_sqlite: bool) -> Callable[[Any], Any]:
    family = _family(kind)
    if family is StoredJson:
        return lambda raw: _json(raw, kind.kind)  # type: ignore[attr-defined]
    if family is UtcDateTime:
        return _moment if is_sqlite else _moment_with_offset
    if family is Boolean:
        return _truth
    if family is Float:
        return _number
    allowed = _PYTHON.get(family)
    return lambda raw: raw if allowed is None else _typed(raw, allowed)


def _typed(raw: Any, allowed: Sequence[type]) -> Any:  # noqa: ANN401
    if type(raw) not in allowed:
        raise TypeError
    return raw


def _json(raw: Any, kind: type) -> Any:  # noqa: ANN401
    return _typed(loads(_typed(raw, (str,))), (kind,))


def _moment(raw: Any) -> datetime:  # noqa: ANN401
    return datetime.fromisoformat(f"{_typed(raw, (str,))}+00:00")


def _moment_with_offset(raw: Any) -> datetime:  # noqa: ANN401
    return datetime.fromisoformat(raw).astimezone(UTC)


def _truth(raw: Any) -> bool:  # noqa: ANN401
    if type(raw) not in (bool, int) or raw not in (0, 1):
        raise ValueError
    return bool(raw)


def _number(raw: Any) -> float:  # noqa: ANN401
    if not math.isfinite(_typed(raw, (float, int))):
        raise ValueError
    return float(raw)

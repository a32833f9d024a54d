"""Rows to copy, read in pieces that can end at any row: what they are known by, or whole."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from marketing_cli.database.stored_values import fits
from marketing_cli.errors import UnreadableValue
from marketing_cli.models.base import StoredJson
from marketing_cli.repositories.copy_parts import Part, columns_of, table_of

TimeIsUp: TypeAlias = Callable[[], bool]
Row: TypeAlias = tuple[Any, ...]

MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 16 * 1024 * 1024
"""A piece ends once its rows have so many bytes of text."""

LAST_NUMBER: Final = 2**63 - 1

_ROW_BY_ROW: Final = {"stream_results": True, "max_row_buffer": 50}
_UNREADABLE: Final = (ValueError, TypeError, OverflowError)


class Stretch(NamedTuple):
    """The rows of a part after one number to another included."""

    part: Part
    after: int
    to: int

    @property
    def bounds(self) -> dict[str, int]:
        """The parameters of a query for whole rows."""
        return {"first_row": self.after + 1, "last_row": self.to}


class Known(NamedTuple):
    """What rows are known by, and what of them may change, by their numbers; `last` is where the piece ends."""

    rows: dict[int, tuple[Row, Row]]
    last: int


class Whole(NamedTuple):
    """Whole rows of each table of a part, values in the order of its columns, JSON as the text that is stored.

    `last` is where the piece ends.
    """

    tables: tuple[list[Row], ...]
    last: int


def read_known(session: Session, stretch: Stretch, is_up: TimeIsUp) -> Known:
    """What the rows of a stretch are known by: at least of one if there is any."""
    part = stretch.part
    table = part.table
    query = select(table.c.id, *(table.c[name] for name in (*part.same, *part.changing)))
    query = query.where(table.c.id.between(stretch.after + 1, stretch.to)).order_by(table.c.id).limit(MOST_ROWS)
    found: dict[int, tuple[Row, Row]] = {}
    split = 1 + len(part.same)
    with closing(_rows(session, query)) as rows:
        for row in rows:
            found[row[0]] = (tuple(row[1:split]), tuple(row[split:]))
            if is_up():
                return Known(found, row[0])
    return Known(found, stretch.to if len(found) < MOST_ROWS else max(found))


def read_whole(session: Session, stretch: Stretch, is_up: TimeIsUp, only: Sequence[int] | None = None) -> Whole:
    """Whole rows of a stretch, or of it those with some numbers only: at least one if there is any."""
    query, spans, heavy = _whole_query(stretch.part, session.get_bind().dialect.name)
    if only is not None:
        query = query.where(stretch.part.table.c.id.in_(only))
    tables: tuple[list[Row], ...] = tuple([] for _ in spans)
    weight = 0
    with closing(_rows(session, query.limit(MOST_ROWS), stretch.bounds)) as rows:
        for row in rows:
            for found, (start, end) in zip(tables, spans, strict=True):
                if row[start] is not None:
                    found.append(row[start:end])
            weight += sum(len(row[place]) for place in heavy if row[place] is not None)
            if weight >= MOST_BYTES or is_up():
                return Whole(tables, row[0])
    return Whole(tables, stretch.to if len(tables[0]) < MOST_ROWS else tables[0][-1][0])


def read_rows(session: Session, part: Part, condition: ColumnElement[bool]) -> dict[int, Row]:
    """A few whole rows of a part's own table, by their numbers."""
    every = Stretch(part, 0, LAST_NUMBER)
    query, ((start, end), *_), _ = _whole_query(part, session.get_bind().dialect.name)
    return {row[0]: tuple(row[start:end]) for row in _rows(session, query.where(condition), every.bounds)}


def count_rows(session: Session, stretch: Stretch) -> tuple[int, ...]:
    """How many rows each table of a part has in a stretch."""
    counts = []
    for model in stretch.part.models:
        (key,) = table_of(model).primary_key
        query = select(func.count()).where(key.between(stretch.after + 1, stretch.to))
        counts.append(session.execute(query).scalar_one())
    return tuple(counts)


def _rows(
    session: Session, query: Select[Any], parameters: Mapping[str, int] | None = None
) -> Generator[Any, None, None]:
    """Each row; raises UnreadableValue, which does not say where, for a value that is not what its column holds."""
    kinds = [column.type for column in query.selected_columns]
    known = set[tuple[type, ...]]()
    try:
        with closing(session.connection().execute(query, parameters, execution_options=_ROW_BY_ROW)) as found:
            for row in found:
                shape = tuple(map(type, row))
                if shape not in known:
                    if not all(map(fits, kinds, shape)):
                        raise UnreadableValue
                    known.add(shape)
                yield row
    except _UNREADABLE:
        raise UnreadableValue from None


class _WholeQuery(NamedTuple):
    """All columns of all tables of a part, where each table's begin, with its key, and end, and which may be large."""

    query: Select[Any]
    spans: tuple[tuple[int, int], ...]
    heavy: tuple[int, ...]


@cache
def _whole_query(part: Part, dialect: str) -> _WholeQuery:
    columns: list[ColumnElement[Any]] = []
    spans, heavy = [], []
    bounds = bindparam("first_row", type_=BigInteger), bindparam("last_row", type_=BigInteger)
    joined: Any = part.table
    for model in part.models:
        table = table_of(model)
        start = len(columns)
        for name in columns_of(model):
            column = table.c[name]
            if isinstance(column.type, StoredJson | Text | LargeBinary):
                heavy.append(len(columns))
            columns.append(_read_as(column, dialect).label(f"value_{len(columns)}"))
        spans.append((start, len(columns)))
        if model is not part.model:
            own = part.table.c
            # The bounds here too: or a server may read the children from the first one on to get to these.
            its = and_(table.c.event_id == own.id, table.c.user_id == own.user_id, table.c.event_id.between(*bounds))
            joined = joined.outerjoin(table, its)
    key = part.table.c.id
    query = select(*columns).select_from(joined).where(key.between(*bounds)).order_by(key)
    return _WholeQuery(query, tuple(spans), tuple(heavy))


def _read_as(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    if not isinstance(column.type, StoredJson):
        return column
    return type_coerce(column, Text) if dialect == "sqlite" else cast(column, Text)

"""Insert many rows with one prepared statement, converting column by column instead of row by row."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

from sqlalchemy import Table, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from marketing_cli.models import Base

Converter: TypeAlias = Callable[[Any], Any] | None


def insert_rows(session: Session, model: type[Base], columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose values stand in the order of `columns`. A refused row raises IntegrityError.

    The types' own conversions apply. What is left out is the work that SQLAlchemy does for each row, which for plain
    inserts costs more than the insert.
    """
    values = list(zip(*rows, strict=True))
    if not values:
        return
    connection = session.connection()
    statement, parameters = _prepared(connection.dialect, model, columns)
    converted = [
        values[place] if convert is None else [convert(value) for value in values[place]]
        for place, convert in parameters
    ]
    connection.exec_driver_sql(statement, list(zip(*converted, strict=True)))


@lru_cache(maxsize=64)
def _prepared(
    dialect: Dialect, model: type[Base], columns: tuple[str, ...]
) -> tuple[str, tuple[tuple[int, Converter], ...]]:
    """The statement and, for each of its positional parameters, the column's place and conversion."""
    table = cast(Table, model.__table__)
    compiled: Any = insert(table).compile(dialect=dialect, column_keys=list(columns))
    parameters = tuple(
        (columns.index(name), table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
        for name in compiled.positiontup
    )
    return str(compiled), parameters

"""Insert many rows with one statement, or PostgreSQL's COPY, converting column by column instead of row by row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

from orjson import dumps
from sqlalchemy import Boolean, LargeBinary, Table, insert
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from marketing_cli.models import Base
from marketing_cli.models.base import StoredJson, UtcDateTime

Converter: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]] | None
"""What the values of a column go through, all at once; None if they are bound as they are."""

_TRUTHS = {None: None, False: 0, True: 1}


def insert_rows(session: Session, model: type[Base], columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose values stand in the order of `columns`. A refused row raises IntegrityError."""
    insert_columns(session, model, dict(zip(columns, zip(*rows, strict=True), strict=False)))


def insert_columns(session: Session, model: type[Base], values: Mapping[str, Sequence[Any]]) -> None:
    """Insert as many rows as each column has values. A refused row raises IntegrityError.

    The types' own conversions apply. What is left out is the work that SQLAlchemy does for each row, which for plain
    inserts costs more than the insert.
    """
    # A column without any value need not be named: to bind NULL costs as much as to bind a text.
    filled = tuple([name for name, column in values.items() if column.count(None) < len(column)])
    if not filled:
        return
    connection = session.connection()
    statement, parameters = _prepared(connection.dialect, model, filled)
    converted = [values[name] if convert is None else convert(values[name]) for name, convert in parameters]
    if connection.dialect.name == "postgresql":
        _copy(connection, statement, zip(*converted, strict=True))
    else:
        connection.exec_driver_sql(statement, list(zip(*converted, strict=True)))


def _copy(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Send rows as a COPY, which takes a third of the time; its errors are SQLAlchemy's, as of any other statement."""
    dialect = connection.dialect
    errors = dialect.loaded_dbapi.Error
    session: Any = connection.connection.dbapi_connection
    try:
        with session.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except errors as error:
        lost = dialect.is_disconnect(error, session, None)
        raise DBAPIError.instance(
            statement, None, error, errors, connection_invalidated=lost, dialect=dialect
        ) from error


@lru_cache(maxsize=256)
def _prepared(
    dialect: Dialect, model: type[Base], columns: tuple[str, ...]
) -> tuple[str, tuple[tuple[str, Converter], ...]]:
    """The statement and, for each of its positional parameters, the column and its conversion."""
    table = cast(Table, model.__table__)
    if dialect.name == "postgresql":
        names = [dialect.identifier_preparer.format_column(table.c[name]) for name in columns]
        copy = f"COPY {dialect.identifier_preparer.format_table(table)} ({', '.join(names)}) FROM STDIN"
        return copy, tuple((name, _converter(table.c[name].type, dialect)) for name in columns)
    compiled: Any = insert(table).compile(dialect=dialect, column_keys=list(columns))
    parameters = tuple((name, _converter(table.c[name].type, dialect)) for name in compiled.positiontup)
    return str(compiled), parameters


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Converter:
    if isinstance(kind, UtcDateTime):
        return kind.bind_column(dialect)
    if isinstance(kind, LargeBinary):
        return _hex_texts if dialect.name == "postgresql" else None
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return None
    if dialect.name == "sqlite" and isinstance(kind, StoredJson):
        return _json_texts
    if dialect.name == "sqlite" and isinstance(kind, Boolean):
        return _numbers
    nothing = convert(None)
    return lambda values: [nothing if value is None else convert(value) for value in values]


def _numbers(values: Sequence[Any]) -> list[int | None]:
    return [_TRUTHS[value] for value in values]


def _hex_texts(values: Sequence[Any]) -> list[str | None]:
    # The driver would escape backslashes as a server's setting asks for in quoted texts; in a COPY it has no say.
    return [None if value is None else f"\\x{value.hex()}" for value in values]


def _json_texts(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None else dumps(value).decode() for value in values]

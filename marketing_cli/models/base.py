"""The declarative base, naming conventions and column types that all tables share."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from orjson import loads
from sqlalchemy import JSON, BigInteger, DateTime, Integer, MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from marketing_cli.domain.moments import utc_text, utc_texts
from marketing_cli.errors import UnreadableValue

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

WORDS = "words"
"""The key in a column's `info` of the only words that it can hold, where it holds one of a few."""

_NO_FRACTION = ".000000"


class Base(DeclarativeBase):
    """What every model inherits; `Base.metadata` is what migrations are compared with."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a moment without an offset cannot be stored")
    return value.astimezone(UTC)


def _utc_text(value: datetime | None) -> str | None:
    utc = _utc(value)
    return None if utc is None else utc_text(utc)


def _all_utc(values: Sequence[datetime | None]) -> list[datetime | None]:
    return [_utc(value) for value in values]


def _utc_texts(values: Sequence[datetime | None]) -> list[str | None]:
    return utc_texts(_all_utc(values))


def _short_text(value: datetime | None) -> str | None:
    text = _utc_text(value)
    return None if text is None else text.removesuffix(_NO_FRACTION)


def _short_texts(values: Sequence[datetime | None]) -> list[str | None]:
    return [None if text is None else text.removesuffix(_NO_FRACTION) for text in _utc_texts(values)]


def _from_text(value: str | None) -> datetime | None:
    try:
        return None if value is None else datetime.fromisoformat(f"{value}+00:00")
    except ValueError:
        raise UnreadableValue from None


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: must be aware when written, is UTC in the database, comes back aware.

    SQLite has no zone to store, so an offset that was not turned into UTC first would silently be dropped.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Turn any aware moment into UTC, on SQLite into text; refuse a naive one with ValueError."""
        return _utc_text if dialect.name == "sqlite" else _utc

    def bind_column(self, dialect: Dialect) -> Callable[[Sequence[datetime | None]], Sequence[Any]]:
        """What `bind_processor` does, for many moments at once."""
        return _utc_texts if dialect.name == "sqlite" else _all_utc

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401
        """Read SQLite's text at one go, which takes a sixth of the time; there are several in every row."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002
        """Give the moment back with UTC as its zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class SetByDatabase(UtcDateTime):
    """A moment that CURRENT_TIMESTAMP fills in, and that a copy writes as SQLite would have.

    There it has a fraction only if that is not 0, and whoever lists rows by it compares texts.
    """

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """What `UtcDateTime` does, without an empty fraction on SQLite."""
        return _short_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def bind_column(self, dialect: Dialect) -> Callable[[Sequence[datetime | None]], Sequence[Any]]:
        """What `bind_processor` does, for many moments at once."""
        return _short_texts if dialect.name == "sqlite" else super().bind_column(dialect)


class StoredJson(TypeDecorator[Any]):
    """JSON of one kind, such as objects; None is NULL. What comes back as anything else raises UnreadableValue."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type) -> None:
        """Hold values of this Python type: `dict` or `list`."""
        super().__init__(none_as_null=True)
        self.kind = kind

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any]:  # noqa: ANN401, ARG002
        """Read SQLite's text; PostgreSQL's driver has done so."""
        kind, is_text = self.kind, dialect.name == "sqlite"

        def read(value: Any) -> Any:  # noqa: ANN401
            if value is None:
                return None
            try:
                found = loads(value) if is_text else value
            except ValueError:
                raise UnreadableValue from None
            if found.__class__ is not kind:
                raise UnreadableValue
            return found

        return read


Id = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit number; on SQLite the row id itself."""

Name = String(255)
JsonObject = StoredJson(dict)
JsonList = StoredJson(list)

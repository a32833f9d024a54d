"""Comparing with moments that the database has set itself."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Dialect, String, func, literal
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from marketing_cli.models.base import UtcDateTime


class _AsTheDatabaseWrites(UtcDateTime):
    """A moment to compare a column with that CURRENT_TIMESTAMP fills.

    SQLite compares text, and CURRENT_TIMESTAMP has no fraction there: `10:00:00` would come before `10:00:00.000000`.
    """

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[datetime]:
        """Text on SQLite, a moment elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String())
        return super().load_dialect_impl(dialect)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """The moment; on SQLite its text, with a fraction only if it has one."""
        return _text if dialect.name == "sqlite" else super().bind_processor(dialect)


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def set_within(
    column: InstrumentedAttribute[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """The conditions that a column set by the database lies from `since` to before `until`; None is no condition."""
    conditions = []
    if since is not None:
        conditions.append(column >= literal(since, _AsTheDatabaseWrites()))
    if until is not None:
        conditions.append(column < literal(until, _AsTheDatabaseWrites()))
    return conditions


def utc_day(dialect: Dialect, column: InstrumentedAttribute[datetime]) -> ColumnElement[str]:
    """The day of UTC that a moment lies in, as text: `2025-11-01`."""
    if dialect.name == "sqlite":
        return func.substr(column, 1, len("2025-11-01"), type_=String())
    return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD", type_=String())

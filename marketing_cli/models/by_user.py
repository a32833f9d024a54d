"""The tables where the users' ones are spread by user: the same columns and indexes, and the user in their keys."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from marketing_cli.domain.layouts import Spread
from marketing_cli.models.base import NAMING_CONVENTION, Base
from marketing_cli.models.decision import SendRequest, Suppression
from marketing_cli.models.event import Event, EventProperties, UserTraits

USERS_TABLES: Final = tuple(
    model.__tablename__ for model in (Event, EventProperties, UserTraits, SendRequest, Suppression)
)
"""The tables whose every row belongs to a user."""

_USER: Final = "user_id"
_CLEARED: Final = "SET NULL"


def metadata_of(spread: Spread) -> MetaData:
    """What the migrations make where the users' tables are spread like this."""
    if spread is Spread.WHOLE:
        return Base.metadata
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    for table in Base.metadata.sorted_tables:
        if table.name not in USERS_TABLES:
            table.to_metadata(metadata)
            continue
        copy = Table(table.name, metadata, *_columns(table), *_keys(table), *_foreign_keys(table, spread))
        for index in table.indexes:
            Index(None, *(copy.c[column.name] for column in index.columns))
    return metadata


def _columns(table: Table) -> Iterator[Column[Any]]:
    for column in table.columns:
        default: Any = column.server_default
        yield Column(
            column.name,
            column.type,
            nullable=column.nullable,
            autoincrement=column.name == "id",
            server_default=None if default is None else default.arg,
        )


def _keys(table: Table) -> Iterator[PrimaryKeyConstraint | UniqueConstraint]:
    for key in table.constraints:
        if isinstance(key, PrimaryKeyConstraint | UniqueConstraint):
            yield type(key)(*_with_user([column.name for column in key.columns]))


def _foreign_keys(table: Table, spread: Spread) -> Iterator[ForeignKeyConstraint]:
    for key in table.foreign_key_constraints:
        columns, target = key.column_keys, key.referred_table
        targets: Sequence[str] = [element.column.name for element in key.elements]
        ondelete = key.ondelete
        if target.name in USERS_TABLES:
            if ondelete == _CLEARED and spread is Spread.CITUS:
                continue  # it can clear all columns of a foreign key or none, and the user must stay
            ondelete = f"{_CLEARED} ({', '.join(columns)})" if ondelete == _CLEARED else ondelete
            columns, targets = _with_user(columns), _with_user(targets)
        yield ForeignKeyConstraint(columns, [f"{target.name}.{name}" for name in targets], ondelete=ondelete)


def _with_user(columns: Sequence[str]) -> Sequence[str]:
    return columns if _USER in columns else [*columns, _USER]

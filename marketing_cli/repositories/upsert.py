"""INSERT with an answer to rows that are there already, which each database spells in its own way."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from marketing_cli.models import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_or_meet(session: Session, model: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT into the model's table that takes ON CONFLICT clauses of the session's database.

    It is of the table, not of the class: the mapper would begin a new statement whenever other columns are empty.
    """
    # Only the one that is used: PostgreSQL's takes a thirtieth of a short run to load.
    dialect = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}")
    return cast("sqlite.Insert | postgresql.Insert", dialect.insert(cast(Table, model.__table__)))

"""Copied rows into a database that holds a beginning of the same history."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orjson import Fragment
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from marketing_cli.models import Base
from marketing_cli.models.base import StoredJson
from marketing_cli.repositories.bulk import insert_columns
from marketing_cli.repositories.copy_parts import Part, columns_of, table_of
from marketing_cli.repositories.copy_reading import Row, Whole


def insert_whole(session: Session, part: Part, rows: Whole) -> None:
    """Insert rows with their children; a refused one raises IntegrityError."""
    for model, found in zip(part.models, rows.tables, strict=True):
        if found:
            insert_columns(session, model, dict(_columns(model, found)))


def _columns(model: type[Base], rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Each column with its values; JSON goes over as the text that it is."""
    for name, values in zip(columns_of(model), zip(*rows, strict=True), strict=True):
        is_json = isinstance(table_of(model).c[name].type, StoredJson)
        yield name, [None if text is None else Fragment(text) for text in values] if is_json else values


def update_changed(session: Session, part: Part, rows: Mapping[int, Sequence[object]]) -> None:
    """Give rows, by their numbers, these values of the columns that may change."""
    if not rows:
        return
    table = part.table
    statement = update(table).where(table.c.id == bindparam("of_row"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in part.changing})
    session.execute(statement, [_parameters(part, number, values) for number, values in rows.items()])


def _parameters(part: Part, number: int, values: Sequence[object]) -> dict[str, object]:
    named = {f"new_{name}": value for name, value in zip(part.changing, values, strict=True)}
    return {"of_row": number, **named}

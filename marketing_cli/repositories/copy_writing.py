"""Copied rows into a database that holds a beginning of the same history."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from marketing_cli.repositories.bulk import insert_rows
from marketing_cli.repositories.copy_parts import Part, columns_of
from marketing_cli.repositories.copy_reading import Whole, as_stored


def insert_whole(session: Session, part: Part, rows: Whole) -> int:
    """Insert rows with their children, and return how many rows of all tables; a refused one raises IntegrityError."""
    inserted = 0
    for model, found in zip(part.models, as_stored(part, rows), strict=True):
        if found:
            insert_rows(session, model, columns_of(model), found)
            inserted += len(found)
    return inserted


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

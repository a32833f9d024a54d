"""Row numbers drawn under the writer's lock: for one user, the order of arrival."""

from collections.abc import Sequence

from sqlalchemy import Integer, String, column, func, literal, select, table, union_all
from sqlalchemy.orm import Session

from marketing_cli.models import Base

# What SQLite keeps for AUTOINCREMENT: the largest number ever used in a table, also after its row was deleted.
_NEWEST = table("sqlite_sequence", column("name", String), column("seq", Integer))


def draw_ids(session: Session, *wanted: tuple[type[Base], int]) -> list[Sequence[int]]:
    """For each model, that many unused ids, ascending. One statement, whatever the counts."""
    if session.get_bind().dialect.name == "postgresql":
        return _from_sequences(session, wanted)
    newest = {row.name: row.seq for row in session.execute(select(_NEWEST.c.name, _NEWEST.c.seq))}
    firsts = [newest.get(model.__tablename__, 0) + 1 for model, _ in wanted]
    return [range(first, first + count) for first, (_, count) in zip(firsts, wanted, strict=True)]


def _from_sequences(session: Session, wanted: Sequence[tuple[type[Base], int]]) -> list[Sequence[int]]:
    parts = [
        select(
            literal(place, Integer).label("place"), func.nextval(f"{model.__tablename__}_id_seq").label("id")
        ).select_from(func.generate_series(1, count).table_valued("n").alias(f"series_{place}"))
        for place, (model, count) in enumerate(wanted)
    ]
    drawn: list[list[int]] = [[] for _ in wanted]
    for place, number in session.execute(union_all(*parts)):
        drawn[place].append(number)
    return [sorted(numbers) for numbers in drawn]

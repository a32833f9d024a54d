"""Row numbers drawn under the writer's lock: for one user, the order of arrival."""

from collections.abc import Sequence

from sqlalchemy import Integer, func, literal, select, union_all
from sqlalchemy.orm import Session

from marketing_cli.models import Base


def draw_ids(session: Session, *wanted: tuple[type[Base], int]) -> list[Sequence[int]]:
    """For each model, that many unused ids, ascending. One statement, whatever the counts."""
    if session.get_bind().dialect.name == "postgresql":
        return _from_sequences(session, wanted)
    newest = select(*(select(func.max(model.__table__.c.id)).scalar_subquery() for model, _ in wanted))
    row = session.execute(newest).one()
    return [range((last or 0) + 1, (last or 0) + 1 + count) for last, (_, count) in zip(row, wanted, strict=True)]


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

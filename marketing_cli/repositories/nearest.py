"""The events nearest to others: the latest before and the earliest after, asked for a batch at a time."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, FromClause, Row, Select, Text, and_, select
from sqlalchemy.orm import Session, aliased

from marketing_cli.domain.events import EventRef
from marketing_cli.domain.lookups import PriorLookup
from marketing_cli.models import Event
from marketing_cli.models.base import UtcDateTime
from marketing_cli.repositories.input_rows import Columns, as_parameter, input_rows, is_in_citus

Near: TypeAlias = tuple[str, str, EventRef]
"""User, event type, and the event that was found."""

_STRETCH: Columns = {
    "user_id": Text(),
    "event_type": Text(),
    "start": UtcDateTime(),
    "until": UtcDateTime(),
    "event_id": BigInteger(),
}
_FOUND = ("user_id", "event_type", "event_timestamp", "id", "event_key")


def find_latest_priors(session: Session, lookups: Sequence[PriorLookup]) -> list[Near]:
    """For each look-up the latest event of its type in its stretch of time."""
    return _find(session, lookups, latest=True)


def find_earliest_later(session: Session, lookups: Sequence[PriorLookup]) -> list[Near]:
    """For each look-up the earliest event of its type in its stretch of time."""
    return _find(session, lookups, latest=False)


def _find(session: Session, lookups: Sequence[PriorLookup], *, latest: bool) -> list[Near]:
    dialect, in_citus = session.get_bind().dialect.name, is_in_citus(session)
    query = _nearest_last(dialect, latest=latest) if in_citus else _nearest(dialect, latest=latest)
    rows = session.execute(query, as_parameter(dialect, lookups))
    if not in_citus:
        return [_near(row) for row in rows]
    return list({tuple(row[len(_FOUND) :]): _near(row) for row in rows}.values())


def _near(row: Row[Any]) -> Near:
    return row.user_id, row.event_type, EventRef(row.event_timestamp, row.id, row.event_key)


# Built once for each kind of database: to build them for each batch would cost as much as to run them.


@cache
def _nearest(dialect: str, *, latest: bool) -> Select[Any]:
    wanted, near, found = input_rows(dialect, _STRETCH), aliased(Event), aliased(Event)
    order = [column.desc() if latest else column.asc() for column in (near.event_timestamp, near.id)]
    first = select(near.id).where(_meets(near, wanted)).order_by(*order).limit(1).correlate(wanted).scalar_subquery()
    columns = select(*(getattr(found, name) for name in _FOUND))
    return columns.join_from(wanted, found, and_(found.id == first, found.user_id == wanted.c.user_id))


@cache
def _nearest_last(dialect: str, *, latest: bool) -> Select[Any]:
    """All that meets a look-up, and the look-up; the nearest one comes last."""
    wanted, near = input_rows(dialect, _STRETCH), aliased(Event)
    order = [column.asc() if latest else column.desc() for column in (near.event_timestamp, near.id)]
    columns = select(*(getattr(near, name) for name in _FOUND), *(cell.label(f"of_{cell.name}") for cell in wanted.c))
    return columns.join_from(wanted, near, _meets(near, wanted)).order_by(*order)


def _meets(near: type[Event], wanted: FromClause) -> ColumnElement[bool]:
    return and_(
        near.user_id == wanted.c.user_id,
        near.event_type == wanted.c.event_type,
        near.event_timestamp >= wanted.c.start,
        near.event_timestamp <= wanted.c.until,
        near.id != wanted.c.event_id,
    )

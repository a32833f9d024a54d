"""The newest events, from the last one down: read in pieces that can end at any row."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketing_cli.database.stored_values import ROW_BY_ROW
from marketing_cli.domain.events import EventFacts
from marketing_cli.models import Event
from marketing_cli.repositories.event_rows import facts_of, facts_query

_AT_ONCE: Final = 50
"""Numbers in a query."""
_MANY_AT_ONCE: Final = 1_000


class TypesPiece(NamedTuple):
    """The types of some events by their numbers, newest first; `ended` when there are no more."""

    types: dict[int, str]
    ended: bool


class FactsPiece(NamedTuple):
    """Events, and how many of the numbers asked for they answer."""

    events: Sequence[EventFacts]
    answered: int


def newest_types(session: Session, before: int | None, most: int, is_up: Callable[[], bool]) -> TypesPiece:
    """The types of the newest events with smaller numbers than that, at least one of them, until the time is up."""
    query = select(Event.id, Event.event_type).order_by(Event.id.desc()).limit(most)
    if before is not None:
        query = query.where(Event.id < before)
    found: dict[int, str] = {}
    rows = session.connection().execute(query, execution_options={"yield_per": _MANY_AT_ONCE})
    for number, event_type in rows:
        found[number] = event_type
        if is_up():
            rows.close()
            return TypesPiece(found, ended=False)
    return TypesPiece(found, ended=True)


def events_by_number(session: Session, numbers: Sequence[int], is_up: Callable[[], bool]) -> FactsPiece:
    """The events with the first of these numbers, which fall, as many as can be read until the time is up."""
    found: list[EventFacts] = []
    for first in range(0, len(numbers), _AT_ONCE):
        some = numbers[first : first + _AT_ONCE]
        query = facts_query().where(Event.id.in_(some)).order_by(Event.id.desc())
        rows = session.connection().execute(query, execution_options=ROW_BY_ROW)
        for row in rows:
            event = facts_of(row)
            found.append(event)
            if is_up():
                rows.close()
                return FactsPiece(found, first + some.index(event.id) + 1)
    return FactsPiece(found, len(numbers))

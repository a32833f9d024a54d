"""The newest events, from the last one down: read in pieces that can end at any row."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketing_cli.domain.events import EventFacts
from marketing_cli.models import Event
from marketing_cli.repositories.event_rows import facts_of, facts_query

_AT_ONCE: Final = 10
"""Rows may have a MiB each, and all that are fetched at once are in memory at once."""
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
    """The events with the first of these numbers, as many as can be read until the time is up."""
    found: list[EventFacts] = []
    answered = 0
    while answered < len(numbers) and not (answered and is_up()):
        some = numbers[answered : answered + _AT_ONCE]
        found += map(facts_of, session.connection().execute(facts_query().where(Event.id.in_(some))))
        answered += len(some)
    return FactsPiece(found, answered)

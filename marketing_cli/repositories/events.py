"""Events: stored with their projections, looked up a batch at a time."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, Text, and_, exists, select
from sqlalchemy.orm import Session, joinedload

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.lookups import PriorLookup, WaitingLookup
from marketing_cli.models import Event, EventProperties, Run, SendRequest, Suppression, UserTraits
from marketing_cli.models.base import UtcDateTime
from marketing_cli.repositories.bulk import insert_columns
from marketing_cli.repositories.event_rows import (
    NewEvent,
    NewEvents,
    event_columns,
    facts_of,
    facts_query,
    property_columns,
    trait_columns,
)
from marketing_cli.repositories.input_rows import Columns, as_parameter, input_pairs, input_rows, pairs_as_parameter
from marketing_cli.repositories.nearest import find_latest_priors

_STRETCH: Columns = {"user_id": Text(), "event_type": Text(), "start": UtcDateTime(), "until": UtcDateTime()}


class KnownEvent(NamedTuple):
    """A stored event, as far as telling duplicates needs it."""

    id: int
    content_hash: bytes


class WaitingEvent(NamedTuple):
    """A stored event that a rule has not decided, and the rules version that its run had."""

    event: EventFacts
    rule_name: str
    rules_version_id: int


class EventRepository:
    """Stores and finds events inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session
        self._dialect = session.get_bind().dialect.name

    def add(self, new: NewEvent) -> None:
        """Store one event and its projections."""
        self.add_many(NewEvents([new.event], [new.content_hash], new.run_id, new.input_id, [new.line]))

    def add_many(self, news: NewEvents) -> None:
        """Store events and their projections, with one statement for each table."""
        if not news.events:
            return
        insert_columns(self._session, Event, event_columns(news))
        insert_columns(self._session, EventProperties, property_columns(news.events))
        insert_columns(self._session, UserTraits, trait_columns(news.events))

    def get_by_id(self, event_id: int) -> Event | None:
        """The event with this row number, and its projections."""
        projections = joinedload(Event.event_properties), joinedload(Event.user_traits)
        return self._session.get(Event, event_id, options=projections)

    def find_known(self, identities: Sequence[tuple[str, str]]) -> dict[tuple[str, str], KnownEvent]:
        """The stored ones of these (event key, user) pairs."""
        found = self._session.execute(_known(self._dialect), pairs_as_parameter(identities))
        return {(key, user): KnownEvent(number, content_hash) for key, user, number, content_hash in found}

    def find_facts(self, wanted: Sequence[tuple[int, str]]) -> dict[int, EventFacts]:
        """Events by id, as the engine sees them; asked for as (id, user)."""
        parameter = as_parameter(self._dialect, wanted)
        return {row.id: facts_of(row) for row in self._session.execute(_facts(self._dialect), parameter)}

    def find_latest_priors(self, lookups: Sequence[PriorLookup]) -> list[tuple[str, str, EventRef]]:
        """For each look-up the latest event of its type in its stretch of time, as (user, type, event)."""
        return find_latest_priors(self._session, lookups)

    def find_waiting(self, lookups: Sequence[WaitingLookup]) -> list[WaitingEvent]:
        """Stored events that the named rules have not decided, each (event, rule) once, in arrival order."""
        rows = self._session.execute(_waiting(self._dialect), as_parameter(self._dialect, lookups))
        found = {
            (row.id, row.rule_name): WaitingEvent(facts_of(row), row.rule_name, row.rules_version_id) for row in rows
        }
        return list(found.values())


# Built once for each kind of database: to build them for each batch would cost as much as to run them.


@cache
def _known(dialect: str) -> "Select[str, str, int, bytes]":
    wanted = input_pairs(dialect, "event_key", "user_id")
    same = and_(Event.event_key == wanted.c.event_key, Event.user_id == wanted.c.user_id)
    return select(Event.event_key, Event.user_id, Event.id, Event.content_hash).join_from(wanted, Event, same)


@cache
def _facts(dialect: str) -> Select[Any]:
    wanted = input_rows(dialect, {"id": BigInteger(), "user_id": Text()})
    return facts_query().join(wanted, and_(wanted.c.id == Event.id, wanted.c.user_id == Event.user_id))


@cache
def _waiting(dialect: str) -> Select[Any]:
    wanted = input_rows(dialect, {**_STRETCH, "rule_name": Text()})
    in_time = and_(
        Event.user_id == wanted.c.user_id,
        Event.event_type == wanted.c.event_type,
        Event.event_timestamp >= wanted.c.start,
        Event.event_timestamp <= wanted.c.until,
    )
    undecided = [
        ~exists().where(
            decided.event_id == Event.id, decided.user_id == Event.user_id, decided.rule_name == wanted.c.rule_name
        )
        for decided in (SendRequest, Suppression)
    ]
    return (
        facts_query()
        .add_columns(wanted.c.rule_name, Run.rules_version_id)
        .join(wanted, in_time)
        .join(Run, Run.id == Event.run_id)
        .where(*undecided)
        .order_by(Event.id)
    )

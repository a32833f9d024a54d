"""A user's arrivals and requests, as the audit needs them to decide afresh; each look-up is bounded."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import END_OF_TIME, START_OF_TIME
from marketing_cli.domain.windows import RequestFact, Stretch
from marketing_cli.models import Event, Run, SendRequest
from marketing_cli.repositories.event_rows import facts_of, facts_query

ALWAYS: Final[Stretch] = (START_OF_TIME, END_OF_TIME)


class KindOfArrival(NamedTuple):
    """How many events of one type arrived under one rules version."""

    event_type: str
    version: int
    events: int


class KeptRequest(NamedTuple):
    """A stored request, the row of the event by whose arrival it was made, and what made it."""

    cause: int
    request: RequestFact
    rule_name: str
    window: str


class ArrivalsOfUser:
    """Reads inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def kinds(self, user_id: str, limit: int) -> list[KindOfArrival]:
        """What arrived of a user, by type and rules version; of at most `limit` events."""
        query = select(Event.event_type, Run.rules_version_id).join(Run, Run.id == Event.run_id)
        rows = self._session.execute(query.where(Event.user_id == user_id).limit(limit))
        found = Counter((kind, version) for kind, version in rows)
        return [KindOfArrival(kind, version, events) for (kind, version), events in found.items()]

    def arrivals(
        self, user_id: str, event_types: Sequence[str], limit: int, stretch: Stretch = ALWAYS
    ) -> list[tuple[EventFacts, int]]:
        """A user's events of these types, each with its run's rules version, in arrival order; at most `limit`."""
        query: Select[Any] = facts_query().add_columns(Run.rules_version_id).join(Run, Run.id == Event.run_id)
        query = query.where(Event.user_id == user_id, Event.event_type.in_(event_types))
        query = query.where(Event.event_timestamp.between(*stretch)).limit(limit)
        rows = [(facts_of(row), row.rules_version_id) for row in self._session.execute(query)]
        return sorted(rows, key=lambda row: row[0].id)

    def requests(self, user_id: str, template: str, limit: int, stretch: Stretch = ALWAYS) -> list[KeptRequest]:
        """A user's requests of a template for events in a stretch of time, at most `limit`."""
        query = select(SendRequest).where(SendRequest.user_id == user_id, SendRequest.template_name == template)
        query = query.where(SendRequest.event_timestamp.between(*stretch))
        return [
            KeptRequest(
                row.caused_by_event_id,
                RequestFact(row.user_id, row.template_name, row.event_timestamp, row.event_id, None, row.id),
                row.rule_name,
                row.dedup_window,
            )
            for row in self._session.execute(query.limit(limit)).scalars()
        ]

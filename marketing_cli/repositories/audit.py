"""Events for the audit: by id, by row, a user's newest, and the neighbours that rules ask for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Row, Select, Text, and_, exists, or_, select
from sqlalchemy.orm import Session

from marketing_cli.database.stored_values import ROW_BY_ROW
from marketing_cli.domain.events import EventRef
from marketing_cli.domain.lookups import PriorLookup
from marketing_cli.models import Event, Reject, RulesVersion, Run, RunInput, SendRequest, Suppression
from marketing_cli.repositories.audit_rows import StoredEvent
from marketing_cli.repositories.event_rows import facts_of, facts_query
from marketing_cli.repositories.input_rows import as_parameter, input_rows
from marketing_cli.repositories.nearest import find_earliest_later


def hold_snapshot(session: Session) -> None:
    """Let every query of this transaction see the same moment. SQLite's transactions do so by themselves."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


class AuditRepository:
    """Reads events and rules versions inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session
        self._dialect = session.get_bind().dialect.name

    def get_by_row(self, number: int) -> StoredEvent | None:
        """The event in this row."""
        row = self._session.execute(stored_events_query().where(Event.id == number)).one_or_none()
        return None if row is None else stored_event_of(row)

    def find_by_key(self, event_key: str, user_id: str | None, limit: int) -> list[StoredEvent]:
        """The events with this key, of one user or of all, by user; at most `limit`."""
        query = stored_events_query().where(Event.event_key == event_key)
        if user_id is not None:
            query = query.where(Event.user_id == user_id)
        return [stored_event_of(row) for row in self._session.execute(query.order_by(Event.user_id).limit(limit))]

    def find_events(self, events: Sequence[tuple[int, str]]) -> dict[int, StoredEvent]:
        """Events by row number; asked for as (row number, user)."""
        rows = self._session.execute(_events(self._dialect), as_parameter(self._dialect, events))
        return {row.id: stored_event_of(row) for row in rows}

    def first_events(self, event_ids: Sequence[int], enough: Callable[[], bool]) -> list[StoredEvent]:
        """The events with these numbers, which rise, in their order: at least one, until there are enough."""
        query = stored_events_query().where(Event.id.in_(event_ids)).order_by(Event.id)
        rows = self._session.connection().execute(query, execution_options=ROW_BY_ROW)
        found = []
        for row in rows:
            found.append(stored_event_of(row))
            if enough():
                rows.close()
                break
        return found

    def newest_of_user(
        self, user_id: str, limit: int | None, event_type: str | None = None
    ) -> list[tuple[datetime, int]]:
        """A user's newest events by event time, as (time, row number), newest first; of one type, or of all."""
        # Nothing but what the index holds, so that the events themselves are not read.
        query = select(Event.event_timestamp, Event.id).where(Event.user_id == user_id)
        if event_type is not None:
            query = query.where(Event.event_type == event_type)
        query = query.order_by(Event.event_timestamp.desc(), Event.id.desc()).limit(limit)
        return [(moment, number) for moment, number in self._session.execute(query)]

    def find_earliest_later(self, lookups: Sequence[PriorLookup]) -> list[tuple[str, str, EventRef]]:
        """For each look-up the earliest event of its type in its stretch of time, as (user, type, event)."""
        return find_earliest_later(self._session, lookups)

    def is_known_user(self, user_id: str) -> bool:
        """True when an event, a decision or a refused line is this user's."""
        tables = (Event, SendRequest, Suppression, Reject)
        found = or_(*(exists().where(table.user_id == user_id) for table in tables))
        return bool(self._session.execute(select(found)).scalar_one())

    def rules_version(self, version_id: int) -> tuple[str, str]:
        """A rules version as (sha256, text)."""
        query = select(RulesVersion.sha256, RulesVersion.text).where(RulesVersion.id == version_id)
        row = self._session.execute(query).one()
        return row.sha256, row.text

    def newest_rules_naming(self, word: str, limit: int) -> list[int]:
        """The newest rules versions whose text has this word in it, newest first."""
        # One row for each rules file that was ever used: few, and looked through from the newest on.
        query = select(RulesVersion.id).where(RulesVersion.text.contains(word, autoescape=True))
        return list(self._session.execute(query.order_by(RulesVersion.id.desc()).limit(limit)).scalars())


def stored_events_query() -> Select[Any]:
    """Events with where they came from, for `stored_event_of`."""
    return (
        facts_query()
        .add_columns(Event.created_at, Event.run_id, Event.line)
        .add_columns(RunInput.path, RunInput.format, Run.rules_version_id)
        .join(Run, Run.id == Event.run_id)
        .join(RunInput, RunInput.id == Event.input_id)
    )


def stored_event_of(row: Row[Any]) -> StoredEvent:
    """A row of `stored_events_query`."""
    return StoredEvent(facts_of(row), row.created_at, row.run_id, row.path, row.format, row.line, row.rules_version_id)


# Built once for each kind of database: to build them for each look-up would cost as much as to run them.


@cache
def _events(dialect: str) -> Select[Any]:
    wanted = input_rows(dialect, {"id": BigInteger(), "user_id": Text()})
    return stored_events_query().join(wanted, and_(wanted.c.id == Event.id, wanted.c.user_id == Event.user_id))

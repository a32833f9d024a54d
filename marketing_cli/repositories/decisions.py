"""Send requests and suppressions: stored together with their batch, and looked up by the window they used."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Row, Select, Text, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from marketing_cli.domain.lookups import WindowLookup
from marketing_cli.domain.windows import RequestFact
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.models.base import UtcDateTime
from marketing_cli.repositories.bulk import insert_rows
from marketing_cli.repositories.input_rows import Columns, as_parameter, input_rows

_COLUMNS = (
    "id",
    "event_id",
    "user_id",
    "event_timestamp",
    "rule_name",
    "template_name",
    "channel",
    "dedup_window",
    "reason",
    "run_id",
    "rules_version_id",
    "caused_by_event_id",
)
REQUEST_COLUMNS = (*_COLUMNS, "status")
SUPPRESSION_COLUMNS = (*_COLUMNS, "reason_code", "suppression_reason", "blocking_request_id")
_WINDOW: Columns = {
    "user_id": Text(),
    "template_name": Text(),
    "dedup_window": Text(),
    "start": UtcDateTime(),
    "until": UtcDateTime(),
    "event_id": BigInteger(),
}


class SendRequestRepository:
    """Stores and finds send requests inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session
        self._dialect = session.get_bind().dialect.name

    def add(self, row: Sequence[Any]) -> None:
        """Store one request."""
        self.add_many([row])

    def add_many(self, rows: Sequence[Sequence[Any]]) -> None:
        """Store requests, their values in the order of REQUEST_COLUMNS; a limit exceeded raises IntegrityError."""
        insert_rows(self._session, SendRequest, REQUEST_COLUMNS, rows)

    def find_used(self, lookups: Sequence[WindowLookup]) -> dict[tuple[str, str, str], RequestFact]:
        """The requests that used up these windows, by (user, template, window name)."""
        rows = self._session.execute(_used(self._dialect), as_parameter(self._dialect, lookups))
        return {(row.user_id, row.template_name, row.dedup_window): _fact(row) for row in rows}


class SuppressionRepository:
    """Stores suppressions inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session

    def add(self, row: Sequence[Any]) -> None:
        """Store one suppression."""
        self.add_many([row])

    def add_many(self, rows: Sequence[Sequence[Any]]) -> None:
        """Store suppressions, their values in the order of SUPPRESSION_COLUMNS."""
        insert_rows(self._session, Suppression, SUPPRESSION_COLUMNS, rows)


@cache
def _used(dialect: str) -> Select[Any]:
    # Built once: to build it for each batch would cost as much as to run it.
    wanted = input_rows(dialect, _WINDOW)
    had, named, timed, used = (aliased(SendRequest) for _ in range(4))
    by_name = select(named.id).where(
        named.user_id == wanted.c.user_id,
        named.template_name == wanted.c.template_name,
        named.dedup_window == wanted.c.dedup_window,
    )
    by_time = (
        select(timed.id)
        .where(timed.user_id == wanted.c.user_id, timed.template_name == wanted.c.template_name)
        .where(timed.event_timestamp >= wanted.c.start, timed.event_timestamp <= wanted.c.until)
        .where(or_(wanted.c.event_id.is_(None), timed.event_id == wanted.c.event_id))
        .order_by(timed.event_timestamp, timed.id)
        .limit(1)
    )
    # Most look-ups are about a user's first message of a template: one look tells them from the others.
    had_any = exists().where(had.user_id == wanted.c.user_id, had.template_name == wanted.c.template_name)
    first = func.coalesce(by_name.correlate(wanted).scalar_subquery(), by_time.correlate(wanted).scalar_subquery())
    return (
        select(
            used.user_id,
            used.template_name,
            wanted.c.dedup_window,
            used.event_timestamp,
            used.event_id,
            Event.event_key,
            used.id,
            used.status,
        )
        .join_from(wanted, used, and_(used.id == first, used.user_id == wanted.c.user_id))
        .outerjoin(Event, and_(Event.id == used.event_id, Event.user_id == used.user_id))
        .where(had_any)
    )


def _fact(row: Row[Any]) -> RequestFact:
    historical = row.status == "historical"
    when, event_id = row.event_timestamp, row.event_id
    return RequestFact(row.user_id, row.template_name, when, event_id, row.event_key, row.id, historical)

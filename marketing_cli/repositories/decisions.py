"""Send requests and suppressions: stored together with their batch, and looked up by the window they used."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Row, Select, Text, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from marketing_cli.domain.lookups import WindowLookup
from marketing_cli.domain.windows import RequestFact
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.models.base import UtcDateTime
from marketing_cli.repositories.bulk import insert_rows
from marketing_cli.repositories.input_rows import Columns, as_parameter, input_rows, is_in_citus

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
        query = _used(self._dialect, in_citus=is_in_citus(self._session))
        rows = self._session.execute(query, as_parameter(self._dialect, lookups))
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


# Built once for each kind of database: to build it for each batch would cost as much as to run it.
@cache
def _used(dialect: str, *, in_citus: bool) -> Select[Any]:
    wanted = input_rows(dialect, _WINDOW)
    used = aliased(SendRequest)
    query = select(
        used.user_id,
        used.template_name,
        wanted.c.dedup_window,
        used.event_timestamp,
        used.event_id,
        Event.event_key,
        used.id,
        used.status,
    )
    event = and_(Event.id == used.event_id, Event.user_id == used.user_id)
    if in_citus:
        named_so = used.dedup_window == wanted.c.dedup_window
        meets = and_(_of_template(used, wanted), or_(named_so, _in_time(used, wanted)))
        query = query.join_from(wanted, used, meets).outerjoin(Event, event)
        # Of each window the last row counts.
        return query.order_by(wanted.c.start, named_so, used.event_timestamp.desc(), used.id.desc())
    had, named, timed = (aliased(SendRequest) for _ in range(3))
    by_name = select(named.id).where(_of_template(named, wanted), named.dedup_window == wanted.c.dedup_window)
    by_time = select(timed.id).where(_of_template(timed, wanted), _in_time(timed, wanted))
    by_time = by_time.order_by(timed.event_timestamp, timed.id).limit(1)
    first = func.coalesce(by_name.correlate(wanted).scalar_subquery(), by_time.correlate(wanted).scalar_subquery())
    # Most look-ups are about a user's first message of a template: one look tells them from the others.
    return (
        query.join_from(wanted, used, and_(used.id == first, used.user_id == wanted.c.user_id))
        .outerjoin(Event, event)
        .where(exists().where(_of_template(had, wanted)))
    )


def _of_template(request: type[SendRequest], wanted: FromClause) -> ColumnElement[bool]:
    return and_(request.user_id == wanted.c.user_id, request.template_name == wanted.c.template_name)


def _in_time(request: type[SendRequest], wanted: FromClause) -> ColumnElement[bool]:
    return and_(
        request.event_timestamp >= wanted.c.start,
        request.event_timestamp <= wanted.c.until,
        or_(wanted.c.event_id.is_(None), request.event_id == wanted.c.event_id),
    )


def _fact(row: Row[Any]) -> RequestFact:
    historical = row.status == "historical"
    when, event_id = row.event_timestamp, row.event_id
    return RequestFact(row.user_id, row.template_name, when, event_id, row.event_key, row.id, historical)

"""Long readings of events and decisions, user by user, in pieces that can end at any row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Base, Event, SendRequest, Suppression
from marketing_cli.repositories.checks import last_number

TimeIsUp: TypeAlias = Callable[[], bool]
Place: TypeAlias = tuple[Any, ...]
"""The values of the last row that was read, in the columns that it is ordered by."""
Users: TypeAlias = tuple[str | None, str | None]
"""Users after one to another included; None for no bound."""

_ROW_BY_ROW: Final = {"stream_results": True, "max_row_buffer": 20}
"""Rows may have a MiB each: a server sends so many at once; SQLite one, and after each the time is looked at."""
_MOST: Final = 5_000

# Each is an index's, and begins with the user.
_BY_TYPE_AND_TIME: Final = (Event.user_id, Event.event_type, Event.event_timestamp, Event.id)
_OF_DECISIONS: Final[Mapping[Outcome, tuple[InstrumentedAttribute[Any], ...]]] = {
    Outcome.REQUESTED: (SendRequest.user_id, SendRequest.template_name, SendRequest.dedup_window),
    Outcome.SUPPRESSED: (Suppression.user_id, Suppression.id),
}


@dataclass(frozen=True, slots=True)
class Span:
    """The rows to read: up to the last ones in use when the reading began, of one user or of all."""

    events: int
    requests: int
    suppressions: int
    user_id: str | None = None


class Piece(NamedTuple):
    """Rows, where the next ones begin, and whether there are any."""

    rows: Sequence[Any]
    place: Place | None
    ended: bool


def span_of_now(session: Session, user_id: str | None = None) -> Span:
    """What is there now."""
    events, requests, suppressions = (
        last_number(session, Base.metadata.tables[model.__tablename__]) for model in (Event, SendRequest, Suppression)
    )
    return Span(events, requests, suppressions, user_id)


class PieceReader:
    """Reads inside the session's transaction: at least one row if there is any, until there are enough or time is up.

    Rows come as `read` makes them of a row of the query, which must select the columns that it is ordered by.
    """

    def __init__(self, session: Session, span: Span, is_up: TimeIsUp) -> None:
        """Read what lies in the span."""
        self._session, self._span, self._is_up = session, span, is_up

    def events(self, query: Select[Any], after: Place | None, read: Callable[[Any], Any]) -> Piece:
        """Events, a user's together, in no useful order within a user."""
        query = query.where(Event.id <= self._span.events)
        return self._piece(query, Event.user_id, _BY_TYPE_AND_TIME, after, read)

    def decisions(
        self, query: Select[Any], outcome: Outcome, users: Users, after: Place | None, read: Callable[[Any], Any]
    ) -> Piece:
        """Send requests or suppressions of these users, a user's together."""
        requests = outcome is Outcome.REQUESTED
        model = SendRequest if requests else Suppression
        last = self._span.requests if requests else self._span.suppressions
        query = query.where(model.id <= last, *_between(model.user_id, *users))
        return self._piece(query, model.user_id, _OF_DECISIONS[outcome], after, read)

    def _piece(
        self,
        query: Select[Any],
        user_id: InstrumentedAttribute[str],
        order: Sequence[InstrumentedAttribute[Any]],
        after: Place | None,
        read: Callable[[Any], Any],
    ) -> Piece:
        query = _following(query, order, after).limit(_MOST)
        if self._span.user_id is not None:
            query = query.where(user_id == self._span.user_id)
        rows, last = [], None
        # Not by the session: it has nothing to add to columns, and takes its time.
        found = self._session.connection().execute(query, execution_options=_ROW_BY_ROW)
        for row in found:
            rows.append(read(row))
            last = row
            if self._is_up():
                break
        else:
            if len(rows) < _MOST:
                return Piece(rows, None, ended=True)
        found.close()
        return Piece(rows, tuple(getattr(last, column.key) for column in order), ended=False)


def _following(query: Select[Any], order: Sequence[InstrumentedAttribute[Any]], after: Place | None) -> Select[Any]:
    """In this order, from the row after that one on."""
    if after is not None:
        place = [literal(value, column.type) for column, value in zip(order, after, strict=True)]
        query = query.where(tuple_(*order) > tuple_(*place))
    return query.order_by(*order)


def _between(column: InstrumentedAttribute[str], after: str | None, to: str | None) -> "list[ColumnElement[bool]]":
    bounds = [] if after is None else [column > after]
    return bounds if to is None else [*bounds, column <= to]

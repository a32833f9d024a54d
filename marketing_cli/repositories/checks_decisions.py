"""Decisions that contradict each other, for checks: read in slices of row numbers.

Of one user, the request with the smaller number was made first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, DateTime, Interval, Select, and_, exists, func, literal, not_, or_, select
from sqlalchemy.orm import Session, aliased

from marketing_cli.models import SendRequest, Suppression
from marketing_cli.repositories.input_rows import of_user

EVER, DAY, EVENT = "ever", "day:", "event:"

_LONGEST_DAY_HOURS = 30
_BEFORE_ZONE = len("day:2025-11-01")


class DayRow(NamedTuple):
    """A decision under a daily limit: the name of its window, and a moment that lies in that day or not."""

    id: int
    window: str
    moment: datetime


def used_up_before(session: Session, after: int, to: int) -> Sequence[int]:
    """The requests that a limit of once ever, or once per event, forbade: an earlier one had used it up."""
    earlier = aliased(SendRequest)
    of_event = and_(
        earlier.event_id == SendRequest.event_id,
        of_user(session.get_bind().dialect.name, earlier.user_id, SendRequest.user_id),
        earlier.template_name == SendRequest.template_name,
        earlier.id < SendRequest.id,
    )
    forbidden = or_(
        and_(SendRequest.dedup_window == EVER, exists().where(_earlier(earlier))),
        and_(_begins(SendRequest.dedup_window, EVENT), exists().where(of_event)),
    )
    query = select(SendRequest.id).where(SendRequest.id.between(after + 1, to), forbidden)
    return session.scalars(query.order_by(SendRequest.id)).all()


def unknown_windows(session: Session, after: int, to: int) -> Sequence[int]:
    """The requests whose window is of no known kind."""
    window = SendRequest.dedup_window
    known = or_(window == EVER, _begins(window, DAY), _begins(window, EVENT))
    query = select(SendRequest.id).where(SendRequest.id.between(after + 1, to), not_(known))
    return session.scalars(query.order_by(SendRequest.id)).all()


def day_requests(session: Session, after: int, to: int) -> list[DayRow]:
    """The requests with a daily limit, each with its own event's time."""
    query = select(SendRequest.id, SendRequest.dedup_window, SendRequest.event_timestamp)
    query = query.where(SendRequest.id.between(after + 1, to), _begins(SendRequest.dedup_window, DAY))
    return _days(session, query.order_by(SendRequest.id))


def near_day_requests(session: Session, after: int, to: int) -> list[DayRow]:
    """The requests with a daily limit that may lie in a day of theirs beside an earlier one of another kind or zone.

    Each with the earlier one's event time, which is at most some hours more than a day away. Two
    days of one zone never overlap.
    """
    earlier = aliased(SendRequest)
    mine, other = SendRequest.dedup_window, earlier.dedup_window
    my_zone = func.substr(other, _BEFORE_ZONE + 1) == func.substr(mine, _BEFORE_ZONE + 1)
    other_day = and_(_begins(other, DAY), my_zone, other != mine)
    sqlite = session.get_bind().dialect.name == "sqlite"
    near = earlier.event_timestamp.between(_shifted(-_LONGEST_DAY_HOURS, sqlite), _shifted(_LONGEST_DAY_HOURS, sqlite))
    query = (
        select(SendRequest.id, mine, earlier.event_timestamp.label("moment"))
        .join(earlier, and_(_earlier(earlier), near, not_(other_day)))
        .where(SendRequest.id.between(after + 1, to), _begins(mine, DAY))
    )
    return _days(session, query.order_by(SendRequest.id))


def decided_both_ways(session: Session, after: int, to: int) -> Sequence[int]:
    """The suppressions of an event and rule that a request was made for too."""
    both = and_(
        SendRequest.event_id == Suppression.event_id,
        SendRequest.user_id == Suppression.user_id,
        SendRequest.rule_name == Suppression.rule_name,
    )
    query = select(Suppression.id).where(Suppression.id.between(after + 1, to), exists().where(both))
    return session.scalars(query.order_by(Suppression.id)).all()


def not_blocked(session: Session, after: int, to: int) -> Sequence[int]:
    """The suppressions whose blocking request is not there, or is another user's, template's or event's."""
    blocking = aliased(SendRequest)
    other_event = and_(_begins(Suppression.dedup_window, EVENT), blocking.event_id != Suppression.event_id)
    misses = or_(
        blocking.id.is_(None),
        blocking.template_name != Suppression.template_name,
        other_event,
    )
    query = select(Suppression.id).outerjoin(blocking, _blocks(blocking))
    query = query.where(Suppression.id.between(after + 1, to), misses)
    return session.scalars(query.order_by(Suppression.id)).all()


def blocked_days(session: Session, after: int, to: int) -> list[DayRow]:
    """The suppressions by a daily limit that a request of another window blocked, each with that one's event time."""
    blocking = aliased(SendRequest)
    query = (
        select(Suppression.id, Suppression.dedup_window, blocking.event_timestamp.label("moment"))
        .join(blocking, _blocks(blocking))
        .where(Suppression.id.between(after + 1, to), _begins(Suppression.dedup_window, DAY))
        .where(blocking.dedup_window != Suppression.dedup_window)
    )
    return _days(session, query.order_by(Suppression.id))


def _days(session: Session, query: Select[int, str, datetime]) -> list[DayRow]:
    return [DayRow(*row) for row in session.execute(query)]


def _earlier(earlier: type[SendRequest]) -> ColumnElement[bool]:
    return and_(
        earlier.user_id == SendRequest.user_id,
        earlier.template_name == SendRequest.template_name,
        earlier.id < SendRequest.id,
    )


def _blocks(blocking: type[SendRequest]) -> ColumnElement[bool]:
    return and_(blocking.id == Suppression.blocking_request_id, blocking.user_id == Suppression.user_id)


def _begins(column: Any, prefix: str) -> ColumnElement[bool]:  # noqa: ANN401 - a column of either table
    return func.substr(column, 1, len(prefix)) == prefix


def _shifted(hours: int, sqlite: bool) -> ColumnElement[Any]:  # noqa: FBT001
    """The request's event time some hours away. SQLite keeps moments as text, which sorts like them."""
    column = SendRequest.event_timestamp
    if sqlite:
        return func.datetime(column, f"{hours} hours", type_=DateTime())
    return column + literal(timedelta(hours=hours), Interval())

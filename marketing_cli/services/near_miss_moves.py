"""The moments to which an event may be moved so that a decision on it comes out otherwise: the nearest are first."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import END_OF_TIME, TICK, later
from marketing_cli.domain.texts import z
from marketing_cli.schemas.rules import INSTANT_FIELD, PRESENCE, Limit, Rule
from marketing_cli.services.near_miss_changes import EVENT_MOVED, FIRST_MOMENT, Change, Past, distance_text
from marketing_cli.services.suppression import window_of


def moves(rule: Rule, event: EventFacts, past: Past) -> Iterator[Change]:
    """The event at every moment at which something may begin or end to hold, the nearest first, all else as it was.

    Between two such moments nothing changes: conditions on the moment, prior events and days that are used up all have
    their first and last moment among them. So the nearest at which a request is made, if there is any, is one of them.
    """
    moments = {*_instants(rule), *_prior_edges(rule, past), *_free_days(rule, event, past)} - {event.timestamp}
    for moment in sorted(moments, key=lambda moment: (abs(moment - event.timestamp), moment)):
        if moment >= FIRST_MOMENT:
            yield move(event, past, moment)


def move(event: EventFacts, past: Past, moment: datetime) -> Change:
    """The event itself at another moment, all else as it was."""
    gap = moment - event.timestamp
    text = f"if the event itself had come {distance_text(gap)}, at {z(moment)}"
    return Change(text, (EVENT_MOVED, abs(gap.total_seconds())), event._replace(timestamp=moment), past)


def _instants(rule: Rule) -> Iterator[datetime]:
    for condition in rule.field_conditions:
        if condition.field == INSTANT_FIELD and condition.operator not in PRESENCE:
            expected: Any = condition.expected
            for text in expected if isinstance(expected, tuple) else (expected,):
                moment = datetime.fromisoformat(str(text).upper()).astimezone(UTC)
                yield from (_shifted(moment, -TICK), moment, _shifted(moment, TICK))


def _prior_edges(rule: Rule, past: Past) -> Iterator[datetime]:
    for condition in rule.prior_conditions:
        for kind, ref in past.priors:
            if kind == condition.prior_event:
                yield from (ref.timestamp, later(ref.timestamp, condition.within))


def _free_days(rule: Rule, event: EventFacts, past: Past) -> Iterator[datetime]:
    """The last moment before each day that is used up, and the first after it."""
    if rule.limit is Limit.ONCE_PER_CALENDAR_DAY:
        for request in past.requests:
            for start, end in window_of(rule, event._replace(timestamp=request.event_timestamp)).stretches:
                yield from (_shifted(start, -TICK), _shifted(end, TICK))


def _shifted(moment: datetime, by: timedelta) -> datetime:
    return moment if moment >= END_OF_TIME and by > timedelta(0) else moment + by

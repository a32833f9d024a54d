"""The moments to which an event may be moved so that decisions come out otherwise."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import END_OF_TIME, FIRST_MOMENT, TICK
from marketing_cli.schemas.rules import INSTANT_FIELD, PRESENCE, Limit, Rule
from marketing_cli.services.suppression import window_of


class TurningPoints:
    """Every moment at which something may begin or end to hold, for any event of the user's.

    Between two of them nothing changes, wherever an event is moved: conditions on the moment, prior events and days all
    have their first moment, and the one right before it, among them. So a change that does is at one of them.
    """

    def __init__(self, rules: Sequence[Rule], moments: AbstractSet[datetime]) -> None:
        """Of these rules, and of events and requests at these moments."""
        begins = {*_instants(rules), *_prior_edges(rules, moments), *_days(rules, moments)}
        both = {moment for begin in begins for moment in (begin, begin - TICK)}
        self._moments = sorted(moment for moment in both if FIRST_MOMENT <= moment <= END_OF_TIME)

    def between(self, first: datetime, last: datetime) -> list[datetime]:
        """Those in a stretch of time, and its ends, in their order."""
        inside = self._moments[bisect_left(self._moments, first) : bisect_right(self._moments, last)]
        return sorted({max(first, FIRST_MOMENT), *inside, last})

    def nearest(self, moment: datetime) -> list[datetime]:
        """All of them, the nearest to a moment first, without that one."""
        return sorted(set(self._moments) - {moment}, key=lambda other: (abs(other - moment), other))


def _instants(rules: Sequence[Rule]) -> Iterator[datetime]:
    for rule in rules:
        for condition in rule.field_conditions:
            if condition.field == INSTANT_FIELD and condition.operator not in PRESENCE:
                expected: Any = condition.expected
                for text in expected if isinstance(expected, tuple) else (expected,):
                    moment = datetime.fromisoformat(str(text).upper()).astimezone(UTC)
                    yield from (moment, _shifted(moment, TICK))


def _prior_edges(rules: Sequence[Rule], moments: AbstractSet[datetime]) -> Iterator[datetime]:
    """Where another event begins and ceases to be near enough, as the earlier one and as the later one."""
    lengths = {condition.within for rule in rules for condition in rule.prior_conditions}
    for moment in moments if lengths else ():
        yield from (moment, _shifted(moment, TICK))
        for within in lengths:
            yield from (_shifted(moment, -within), _shifted(moment, within + TICK))


def _days(rules: Sequence[Rule], moments: AbstractSet[datetime]) -> Iterator[datetime]:
    """When the days of all these moments begin and end."""
    daily = {rule.timezone: rule for rule in rules if rule.limit is Limit.ONCE_PER_CALENDAR_DAY}
    for rule in daily.values():
        for moment in moments:
            # Of an event, a day depends on the moment only.
            event = EventFacts(0, "", has_own_id=True, user_id="", event_type=rule.on, timestamp=moment)
            for start, end in window_of(rule, event).stretches:
                yield from (start, _shifted(end, TICK))


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return min(moment + by, END_OF_TIME)
    except OverflowError:
        return END_OF_TIME if by > timedelta(0) else FIRST_MOMENT

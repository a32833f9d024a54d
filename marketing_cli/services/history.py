"""A user's past as far as the rules can use it: pure, in memory, and growing while a batch is decided."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.moments import later
from marketing_cli.domain.windows import RequestFact, Window
from marketing_cli.schemas.rules import PriorEventCondition

Placed: TypeAlias = tuple[datetime, int, EventFacts]
"""An event by its moment and its number, which tell all events apart."""

_LAST: Final = float("inf")
"""Above every number of an event: what is found with it comes after all events of its moment."""


class History:
    """Prior events, used-up windows, and events that still wait for a fact.

    Every key starts with the user, so that one instance serves all users of a batch. `historical` says that what is
    requested now comes from an archive.
    """

    def __init__(self, *, historical: bool = False) -> None:
        """Start with nothing known."""
        self.historical = historical
        # In the order of their moments, and at one moment of their arrival: as they compare by themselves.
        self._events: dict[tuple[str, str], list[EventRef]] = defaultdict(list)
        self._used: dict[tuple[str, str, str], RequestFact] = {}
        self._open: dict[tuple[str, str, str, timedelta], list[Placed]] = defaultdict(list)

    def add_event(self, user_id: str, event_type: str, ref: EventRef) -> None:
        """Remember an event; a second time changes nothing."""
        refs = self._events[user_id, event_type]
        place = bisect_left(refs, ref)
        if place == len(refs) or refs[place].id != ref.id:
            refs.insert(place, ref)

    def nearest_prior(self, event: EventFacts, event_type: str) -> EventRef | None:
        """The latest event of a type at or before this one, which is never its own prior event."""
        refs = self._events.get((event.user_id, event_type))
        if not refs:
            return None
        upto = bisect_right(refs, (event.timestamp, _LAST))
        return next((ref for ref in reversed(refs[max(0, upto - 2) : upto]) if ref.id != event.id), None)

    def nearest_later(self, event: EventFacts, event_type: str) -> EventRef | None:
        """The earliest event of a type after this one."""
        refs = self._events.get((event.user_id, event_type))
        if not refs:
            return None
        place = bisect_right(refs, (event.timestamp, _LAST))
        return refs[place] if place < len(refs) else None

    def use_window(self, window: Window, request: RequestFact) -> None:
        """Remember that a request used up a window; the first one stays."""
        self._used.setdefault((request.user_id, request.template, window.name), request)

    def user_of_window(self, user_id: str, template: str, window: Window) -> RequestFact | None:
        """The request that used up a window, if any."""
        return self._used.get((user_id, template, window.name))

    def leave_open(self, rule_name: str, condition: PriorEventCondition, event: EventFacts) -> None:
        """Remember that an event may match a rule once a late fact meets this condition; again changes nothing."""
        events = self._open[event.user_id, rule_name, condition.prior_event, condition.within]
        place = bisect_left(events, (event.timestamp, event.id))
        if place == len(events) or events[place][1] != event.id:
            events.insert(place, (event.timestamp, event.id, event))

    def close(self, rule_name: str, condition: PriorEventCondition, event: EventFacts) -> None:
        """Forget that an event waits for this, if it does."""
        events = self._open.get((event.user_id, rule_name, condition.prior_event, condition.within))
        if not events:
            return
        place = bisect_left(events, (event.timestamp, event.id))
        if place < len(events) and events[place][1] == event.id:
            del events[place]

    def open_for(self, rule_name: str, condition: PriorEventCondition, arriving: EventFacts) -> Iterable[EventFacts]:
        """The events that wait for this condition and that the arriving event is near enough to, both ends included."""
        events = self._open.get((arriving.user_id, rule_name, condition.prior_event, condition.within))
        if not events:
            return []
        first = bisect_left(events, (arriving.timestamp,))
        last = bisect_right(events, (later(arriving.timestamp, condition.within), _LAST))
        return [event for _, number, event in events[first:last] if number != arriving.id]

"""One user's past in memory, asked the same questions as the database."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.lookups import PriorLookup, WaitingLookup, WindowLookup
from marketing_cli.domain.windows import RequestFact
from marketing_cli.repositories.events import WaitingEvent


def _when(event: EventFacts) -> datetime:
    return event.timestamp


def _order(event: EventFacts) -> tuple[datetime, int]:
    return event.timestamp, event.id


def _request_order(request: RequestFact) -> tuple[datetime, int]:
    return request.event_timestamp, request.id


class Past:
    """What was stored of one user up to some arrival; grows, and forgets nothing.

    Serves a `HistoryLoader` as events and as requests, for look-ups about this user only.
    """

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._events: dict[str, list[EventFacts]] = defaultdict(list)
        self._versions: dict[int, int] = {}
        self._decided: set[tuple[int | None, str]] = set()
        self._named: dict[tuple[str, str], RequestFact] = {}
        self._requests: dict[str, list[RequestFact]] = defaultdict(list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not self._events and not self._requests

    def add_event(self, event: EventFacts, rules_version_id: int) -> None:
        """An event arrived, with a run that had these rules."""
        insort(self._events[event.event_type], event, key=_order)
        self._versions[event.id] = rules_version_id

    def add_request(self, request: RequestFact, rule_name: str, window: str) -> None:
        """A rule requested a message and used up a window, by name. The request has its number."""
        self._decided.add((request.event_id, rule_name))
        self._named[request.template, window] = request
        insort(self._requests[request.template], request, key=_request_order)

    def add_suppression(self, event_id: int | None, rule_name: str) -> None:
        """A rule decided on an event and requested nothing."""
        self._decided.add((event_id, rule_name))

    def find_latest_priors(self, lookups: Sequence[PriorLookup]) -> list[tuple[str, str, EventRef]]:
        """For each look-up the latest event of its type in its stretch of time, as (user, type, event)."""
        found = ((lookup, self._latest_prior(lookup)) for lookup in lookups)
        return [(lookup.user_id, lookup.event_type, event.ref) for lookup, event in found if event is not None]

    def find_waiting(self, lookups: Sequence[WaitingLookup]) -> list[WaitingEvent]:
        """Events that the named rules have not decided, each (event, rule) once, in arrival order."""
        found = {
            (event.id, lookup.rule_name): WaitingEvent(event, lookup.rule_name, self._versions[event.id])
            for lookup in lookups
            for event in self._between(lookup.event_type, lookup.start, lookup.until)
            if (event.id, lookup.rule_name) not in self._decided
        }
        return [found[key] for key in sorted(found, key=lambda key: key[0])]

    def find_used(self, lookups: Sequence[WindowLookup]) -> dict[tuple[str, str, str], RequestFact]:
        """The requests that used up these windows, by (user, template, window name)."""
        # A day may have several stretches, one look-up each: the last one that finds a request counts.
        return {(w.user_id, w.template_name, w.dedup_window): used for w in lookups if (used := self._used(w))}

    def _between(self, event_type: str, start: datetime, until: datetime) -> Sequence[EventFacts]:
        events = self._events.get(event_type, [])
        return events[bisect_left(events, start, key=_when) : bisect_right(events, until, key=_when)]

    def _latest_prior(self, lookup: PriorLookup) -> EventFacts | None:
        events = self._events.get(lookup.event_type, [])
        place = bisect_right(events, lookup.until, key=_when)
        near = reversed(events[max(0, place - 2) : place])
        return next((e for e in near if e.id != lookup.event_id and e.timestamp >= lookup.start), None)

    def _used(self, lookup: WindowLookup) -> RequestFact | None:
        named = self._named.get((lookup.template_name, lookup.dedup_window))
        if named is not None:
            return named
        requests = self._requests.get(lookup.template_name, [])
        first = bisect_left(requests, (lookup.start, 0), key=_request_order)
        for place in range(first, len(requests)):
            request = requests[place]
            if request.event_timestamp > lookup.until:
                return None
            if lookup.event_id is None or request.event_id == lookup.event_id:
                return request
        return None

"""Random rules, small sets of events, and ways in which they can arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from support.deciding import field, make_rule, missing, prior

TYPES = ("signup", "link", "failed")
TEMPLATES = ("A", "B")
# Around the ends of summer time in Lisbon and, where clocks went back over midnight, in St John's.
STARTS = (datetime(2025, 10, 25, 12, tzinfo=UTC), datetime(2010, 11, 6, 14, 29, tzinfo=UTC))
HOURS = (0, 1, 2, 11, 12, 13, 23, 24, 25, 36, 48)
SHIFTS = (timedelta(), timedelta(microseconds=1), -timedelta(microseconds=1), timedelta(milliseconds=1))
OFFSETS = (0, 330, -210, 840)
LIMITS = (
    {"limit": "none"},
    {"limit": "once_ever"},
    {"limit": "once_per_calendar_day"},
    {"limit": "once_per_calendar_day", "timezone": "Europe/Lisbon"},
    {"limit": "once_per_calendar_day", "timezone": "America/St_Johns"},
    {"limit": "once_per_calendar_day", "timezone": "Asia/Kathmandu"},
)

priors = st.builds(prior, st.sampled_from(TYPES), st.sampled_from(("24h", "2d", "1h", "3600s")))
fields = st.sampled_from(
    (field("properties.n", "gte", 2), field("properties.n", "equals", expected=True), missing("properties.n"))
)
conditions = st.one_of(st.lists(priors, min_size=1, max_size=2), st.lists(priors | fields, max_size=2))
values: st.SearchStrategy[Any] = st.sampled_from((2, True, None, 3.0, "2", "x", 1, []))


@st.composite
def rule_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Two to four rules; those that share a template share its limit, as files must."""
    limits = {template: draw(st.sampled_from(LIMITS)) for template in TEMPLATES}
    return [
        make_rule(
            template, name=f"r{number}", on=draw(st.sampled_from(TYPES)), when=draw(conditions), **limits[template]
        )
        for number, template in enumerate(draw(st.lists(st.sampled_from(TEMPLATES), min_size=2, max_size=4)))
    ]


@st.composite
def event_sets(draw: st.DrawFn, most: int = 8, least: int = 2) -> list[dict[str, Any]]:
    """Events of up to two users; about half of them without an id, and ids that two users share."""
    start = draw(st.sampled_from(STARTS))
    events = []
    for number in range(draw(st.integers(least, most))):
        moment = start + timedelta(hours=draw(st.sampled_from(HOURS))) + draw(st.sampled_from(SHIFTS))
        user = draw(st.sampled_from(("u", "u", "u", "v")))
        events.append(
            {
                "label": f"{user}{number}",
                "user_id": user,
                "event_id": draw(st.sampled_from((None, f"e{number}"))),
                "event_type": draw(st.sampled_from(TYPES)),
                "event_timestamp": moment.isoformat(),
                "properties": {"n": draw(values), "number": number},
            }
        )
    return events


@dataclass(frozen=True)
class Arrival:
    """Deliveries in the order in which they come, and how they are cut into files and batches."""

    deliveries: Sequence[dict[str, Any]]
    file_size: int
    batch_size: int

    def files(self) -> list[list[Sequence[dict[str, Any]]]]:
        """The batches of each file."""
        files = _cut(self.deliveries, self.file_size)
        return [_cut(file, self.batch_size) for file in files]


def _cut(items: Sequence[dict[str, Any]], size: int) -> list[Sequence[dict[str, Any]]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


@st.composite
def arrivals(draw: st.DrawFn, events: list[dict[str, Any]]) -> Arrival:
    """Any order, some events delivered again, each delivery with an offset and a reception time of its own."""
    again = draw(st.lists(st.sampled_from(events), max_size=3))
    order = draw(st.permutations([*events, *again]))
    offsets = draw(st.lists(st.sampled_from(OFFSETS), min_size=len(order), max_size=len(order)))
    deliveries = [
        _written(event, minutes, place) for place, (event, minutes) in enumerate(zip(order, offsets, strict=True))
    ]
    sizes = st.sampled_from((1, 2, 3, 100))
    return Arrival(deliveries, draw(sizes), draw(sizes))


def _written(event: dict[str, Any], minutes: int, place: int) -> dict[str, Any]:
    moment = datetime.fromisoformat(event["event_timestamp"]).astimezone(timezone(timedelta(minutes=minutes)))
    return event | {"event_timestamp": moment.isoformat(), "received": place}

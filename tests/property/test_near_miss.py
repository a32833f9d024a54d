"""What audit says would have changed a decision: read as a person reads it, done, and decided on.

Nothing here but the sentence comes from the code that makes the suggestion: the change is made to the events as files
hold them, and the engine decides afresh with a history of its own.
"""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_cli.domain.events import EventRef
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.windows import RequestFact
from marketing_cli.schemas.rules import Rule
from marketing_cli.services.engine import decide
from marketing_cli.services.history import History
from marketing_cli.services.near_miss import near_miss
from marketing_cli.services.near_miss_changes import Past
from marketing_cli.services.suppression import window_of
from support.deciding import exists, facts, field, history_of, missing, prior, the_rule

pytestmark = pytest.mark.faults  # slow

Json = dict[str, Any]
START = datetime(2025, 11, 1, 12, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
UNITS = {"d": timedelta(days=1), "h": HOUR, "m": HOUR / 60, "s": HOUR / 3600, "µs": TICK}


@dataclass(frozen=True)
class Case:
    """A rule, an event, the user's other events and the moments of the template's requests, all as data."""

    rule: Rule
    event: Json
    others: tuple[Json, ...]
    requests: tuple[datetime, ...]

    def outcome(self) -> Outcome:
        """What the engine makes of it."""
        event = facts(self.event, 100)
        history: History = history_of(*(facts(other, row) for row, other in enumerate(self.others, 1)))
        for number, moment in enumerate(self.requests):
            its_window = window_of(self.rule, event._replace(timestamp=moment, id=200 + number, key=f"sent{number}"))
            history.use_window(its_window, RequestFact("u", "T", moment, 200 + number, f"sent{number}"))
        decision = decide(self.rule, event, history, event).decision
        return decision.outcome if decision else Outcome.NOT_MATCHED

    def suggestion(self) -> str | None:
        """What the program says."""
        refs = ((other["event_type"], _ref(other, row)) for row, other in enumerate(self.others, 1))
        requests = [RequestFact("u", "T", m, 200 + n, f"sent{n}") for n, m in enumerate(self.requests)]
        past = Past(tuple(refs), tuple(sorted(requests, key=lambda request: request.event_timestamp)))
        return near_miss(self.rule, facts(self.event, 100), past)


def _ref(event: Json, row: int) -> EventRef:
    return facts(event, row).ref


def made(kind: str, key: str, moment: datetime, **more: Any) -> Json:
    """An event as a file holds it."""
    return {"event_id": key, "user_id": "u", "event_type": kind, "event_timestamp": moment.isoformat(), **more}


def moment_of(event: Json) -> datetime:
    """When it was."""
    return datetime.fromisoformat(event["event_timestamp"])


def with_value(event: Json, path: str, *value: Any) -> Json | None:
    """The event with one field set to a value or, without one, taken away; None where something is in the way."""
    copy = deepcopy(event)
    *parents, last = path.removeprefix("event.").split(".")
    place = copy
    for name in parents:
        if place.get(name) is None:
            place[name] = {}
        place = place[name]
        if not isinstance(place, dict):
            return None
    place.pop(last, None)
    if value:
        place[last] = value[0]
    return copy


def at(event: Json, moment: datetime) -> Json:
    """The event at another moment."""
    return event | {"event_timestamp": moment.isoformat()}


# What a person does who is told this.


def parsed_gap(text: str) -> timedelta:
    """`2 h 10 m later` as a length of time."""
    *parts, direction = text.split()
    gap = sum((int(n) * UNITS[u] for n, u in zip(parts[::2], parts[1::2], strict=True)), timedelta())
    return gap if direction == "later" else -gap


def _set_field(case: Case, found: re.Match[str]) -> Iterator[Case]:
    path, how, words = found.groups()
    for one in _values(how, json.loads(words) if words else None):
        event = with_value(case.event, path, one)
        assert event is not None
        yield replace(case, event=event)


def _values(how: str | None, value: Any) -> list[Any]:
    """Values that a person might choose, who is told to take this one, one above it, or another."""
    if how == "there":
        return [0, "x", False, [], {}]
    if how in {"above", "below"}:
        up = 1 if how == "above" else -1
        return [f"{value}a", f"{value}zz"] if isinstance(value, str) else [value + up, value + up / 2]
    if how in {"a text other than", "a number other than"}:
        return [f"{value}z", f"{value}zz"] if isinstance(value, str) else [value + 100, value - 0.5]
    return [value] if how is None else [1000, -1000]


def _take_away(case: Case, found: re.Match[str]) -> Iterator[Case]:
    event = with_value(case.event, found[1])
    assert event is not None
    yield replace(case, event=event)


def _move_prior(case: Case, found: re.Match[str]) -> Iterator[Case]:
    kind, key, gap = found[1], found[2], parsed_gap(found[3])
    assert [other["event_type"] for other in case.others if other["event_id"] == key] == [kind]
    moved = (at(o, moment_of(o) + gap) if o["event_id"] == key else o for o in case.others)
    yield replace(case, others=tuple(moved))


def _add_prior(case: Case, found: re.Match[str]) -> Iterator[Case]:
    first, last = datetime.fromisoformat(found[2]), moment_of(case.event)
    for moment in (first, first + (last - first) / 2, last):
        yield replace(case, others=(*case.others, made(found[1], "new", moment)))


def _move_event(case: Case, found: re.Match[str]) -> Iterator[Case]:
    moved = replace(case, event=at(case.event, moment_of(case.event) + parsed_gap(found[1])))
    assert moment_of(moved.event) == datetime.fromisoformat(found[2])
    yield moved


def _wait(case: Case, found: re.Match[str]) -> Iterator[Case]:
    moment = datetime.fromisoformat(found[1])
    assert moment > moment_of(case.event)
    yield replace(case, event=at(case.event, moment))


REQUESTED = "would have been requested "
OPEN = "there|above|below|a \\w+ other than|a \\w+ that is none of"
READINGS: dict[str, Callable[[Case, re.Match[str]], Iterator[Case]]] = {
    rf"{REQUESTED}with (\S+) ?({OPEN})? ?(.*)": _set_field,
    rf"{REQUESTED}without (\S+)": _take_away,
    rf"{REQUESTED}if (\w+) (\w+) had come (.*)": _move_prior,
    rf"{REQUESTED}if a (\w+) had come in the \w+ before, at (\S+) or later": _add_prior,
    rf"{REQUESTED}if the event itself had come (.*), at (\S+)": _move_event,
    r"next possible from (\S+)": _wait,
}


def done_as_told(case: Case, text: str) -> list[Case]:
    """The case with the change made that the sentence tells; several, where it leaves a choice."""
    found = [(do, match) for reading, do in READINGS.items() if (match := re.fullmatch(reading, text))]
    specific = [pair for pair in found if pair[0] is not _move_prior] or found
    assert specific, text
    do, match = specific[0]
    return list(do(case, match))


# Single changes that need no suggestion.

VALUES: tuple[Any, ...] = (0, 1, 2, 2.5, 3, 4, 5, 100, -1, "", "a", "b", "zz", "2", True, False, [], {}, {"z": 1})
GAPS = (0 * HOUR, TICK, HOUR, HOUR + TICK, 5 * HOUR, 12 * HOUR, 23 * HOUR, 24 * HOUR, 24 * HOUR + TICK, 30 * HOUR)
GRID = [START + timedelta(hours=half) / 2 for half in range(-200, 200, 3)]


def single_changes(case: Case) -> Iterator[Case]:
    """Each field set to many values or taken away, each other event moved, one added, the event itself moved."""
    for path in {condition.field for condition in case.rule.field_conditions} - {"event.event_timestamp"}:
        changed = [with_value(case.event, path), *(with_value(case.event, path, value) for value in VALUES)]
        yield from (replace(case, event=event) for event in changed if event is not None)
    own = moment_of(case.event)
    near = [own - gap for gap in GAPS] + [own + gap for gap in GAPS]
    for place, other in enumerate(case.others):
        for moment in near:
            others = (*case.others[:place], at(other, moment), *case.others[place + 1 :])
            yield replace(case, others=others)
    for condition in case.rule.prior_conditions:
        for moment in near:
            yield replace(case, others=(*case.others, made(condition.prior_event, "new", moment)))
    edges = [moment_of(other) + gap for other in case.others for gap in GAPS]
    days = [moment.replace(hour=0) + shift for moment in GRID[::8] for shift in (-TICK, 0 * TICK)]
    for moment in (*near, *GRID, *edges, *days, START + HOUR, START + HOUR + TICK):
        yield replace(case, event=at(case.event, moment))


NUMBERS = [field("properties.x", op, n) for op in ("equals", "not_equals", "gt", "gte", "lt", "lte") for n in (0, 2, 3)]
FIELDS = st.sampled_from(
    [
        field("properties.x", "in", [1, "a"]),
        field("properties.x", "not_in", [1, 3]),
        field("properties.x", "gt", "a"),
        missing("properties.x"),
        exists("properties.y.z"),
        field("user_traits.t", "equals", expected=True),
        field("event.source", "not_equals", "a"),
    ]
)
TIMES = st.sampled_from(
    [
        field("event.event_timestamp", "gt", (START + HOUR).isoformat()),
        field("event.event_timestamp", "lte", (START + 30 * HOUR).isoformat()),
        field("event.event_timestamp", "lt", (START - 2 * HOUR).isoformat()),
        field("event.event_timestamp", "not_equals", START.isoformat()),
    ]
)
PRIORS = st.sampled_from([prior("s", "24h"), prior("s", "1h"), prior("r", "24h")])
ABOUT_ALL = st.sampled_from(NUMBERS) | FIELDS | TIMES | PRIORS
ABOUT_TIME = TIMES | PRIORS
LIMITS: st.SearchStrategy[Json] = st.sampled_from(
    [
        {"limit": "none"},
        {"limit": "once_ever"},
        {"limit": "once_per_calendar_day"},
        {"limit": "once_per_calendar_day", "timezone": "Europe/Lisbon"},
    ]
)
MOMENTS = st.integers(-60, 60).map(lambda hours: START + hours * HOUR)


@st.composite
def cases(draw: st.DrawFn, conditions: st.SearchStrategy[Json]) -> Case:
    """Up to three conditions, three other events and three requests, close enough to matter."""
    when, limit = draw(st.lists(conditions, max_size=3, unique_by=str)), draw(LIMITS)
    values = {"x": draw(st.sampled_from([None, *VALUES])), "y": draw(st.sampled_from([None, {}, {"z": None}]))}
    more: Json = draw(st.sampled_from([{}, {"source": "a"}, {"user_traits": {"t": True}}, {"user_traits": {}}]))
    others = enumerate(draw(st.lists(st.tuples(st.sampled_from("sr"), MOMENTS), max_size=3)))
    return Case(
        the_rule(on="t", when=when, **limit),
        made("t", "e", START, properties=values, **more),
        tuple(made(kind, f"p{number}", moment) for number, (kind, moment) in others),
        tuple(draw(st.lists(MOMENTS, max_size=3))),
    )


@settings(max_examples=600)
@given(cases(ABOUT_TIME) | cases(ABOUT_ALL))
def test_what_it_says_is_so(case: Case) -> None:
    """A change that is told leads to a request; where it says that there is none, no single change does."""
    text = case.suggestion()
    if case.outcome() is Outcome.REQUESTED:
        assert text is None
        return
    assert text is not None
    if text.startswith(("never again: ", "no single change would have led to a request: ")):
        assert [one for one in single_changes(case) if one.outcome() is Outcome.REQUESTED] == []
    else:
        assert {one.outcome() for one in done_as_told(case, text)} == {Outcome.REQUESTED}


@settings(max_examples=400)
@given(cases(ABOUT_TIME))
def test_no_smaller_change_of_its_kind_would_have_done(case: Case) -> None:
    """No prior event moved by less leads to a request, nor the event itself moved the same way by less."""
    text = case.suggestion() or ""
    found = re.fullmatch(rf"{REQUESTED}if (\w+ \w+|the event itself) had come (.*?)(, at .*)?", text)
    if found is None or found[1].startswith("a "):
        return
    gap = parsed_gap(found[2])
    for less in (gap - TICK if gap > timedelta() else gap + TICK, gap / 2, 0 * gap):
        if found[1] == "the event itself":
            tried = [replace(case, event=at(case.event, moment_of(case.event) + less))]
        else:
            tried = [moved for by in (less, -less) for moved in each_other_moved(case, by)]
        assert Outcome.REQUESTED not in {moved.outcome() for moved in tried}


def each_other_moved(case: Case, by: timedelta) -> Iterator[Case]:
    """The case with one of the other events moved by so much, for each of them."""
    for place, other in enumerate(case.others):
        others = (*case.others[:place], at(other, moment_of(other) + by), *case.others[place + 1 :])
        yield replace(case, others=others)

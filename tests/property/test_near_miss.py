"""What audit says would have changed a decision: read as a person reads it, done, ingested, and looked up.

Nothing here but the sentence comes from the code that makes the suggestion: the change is made to the events as files
hold them, and all of them are ingested afresh, in their order, for another user.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import event as hypothesis_event
from hypothesis import strategies as st
from sqlalchemy import event as listening
from sqlalchemy import select

from marketing_cli.domain.reasons import Outcome
from marketing_cli.models import Event, SendRequest
from marketing_cli.schemas.audit import AuditResponse
from marketing_cli.services import audit_again
from marketing_cli.services.audit_event import EventAudit
from support.databases import SqliteDatabases
from support.deciding import exists, field, make_rule, missing, prior
from support.processing import Store, open_store

pytestmark = pytest.mark.faults  # slow

Json = dict[str, Any]
START = datetime(2025, 11, 1, 12, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
UNITS = {"d": timedelta(days=1), "h": HOUR, "m": HOUR / 60, "s": HOUR / 3600, "µs": TICK}


@dataclass(frozen=True)
class Case:
    """Rules, a user's events in the order of their arrival, and which event and rule are asked about."""

    rules: tuple[Json, ...]
    events: tuple[Json, ...]
    place: int
    name: str = "r0"

    @property
    def event(self) -> Json:
        """The event that is asked about."""
        return self.events[self.place]

    @property
    def rule(self) -> Json:
        """The rule that is asked about."""
        return next(rule for rule in self.rules if rule["name"] == self.name)

    def with_one(self, place: int, event: Json) -> "Case":
        """One event is another."""
        return replace(self, events=(*self.events[:place], event, *self.events[place + 1 :]))

    def with_event(self, event: Json) -> "Case":
        """The event asked about is another."""
        return self.with_one(self.place, event)

    def with_added(self, event: Json) -> "Case":
        """One more event arrives right before the one asked about."""
        events = (*self.events[: self.place], event, *self.events[self.place :])
        return replace(self, events=events, place=self.place + 1)


# Every history has a user of its own, so that one database serves all.
numbers = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: str) -> Iterator[Store]:
    """A database that need not survive a power cut."""
    url = SqliteDatabases(tmp_path_factory.mktemp("near")).create(migrated_sqlite)
    with open_store(url) as opened:
        listening.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        yield opened


def ingested(store: Store, cases: Sequence[Case]) -> list[str]:
    """Stores the events of each case, in their order, all by the rules of the first; gives the users."""
    users = [f"u{next(numbers)}" for _ in cases]
    run = store.run(*cases[0].rules)
    run.batches([e | {"user_id": user} for user, case in zip(users, cases, strict=True) for e in case.events], 200)
    return users


def requested(store: Store, cases: Sequence[Case]) -> list[bool]:
    """For each case whether its message is requested for its event, when all is ingested."""
    users = ingested(store, cases)
    query = select(SendRequest.user_id, Event.event_key).join(Event, Event.id == SendRequest.event_id)
    with store.transactions() as session:
        query = query.where(SendRequest.user_id.in_(users), SendRequest.rule_name == cases[0].name)
        found = {(user, key) for user, key in session.execute(query)}
    return [(user, case.event["event_id"]) in found for user, case in zip(users, cases, strict=True)]


def told(store: Store, case: Case) -> list[tuple[Case, Outcome, str]]:
    """What audit says of every rule that requested nothing, for every event."""
    (user,) = ingested(store, [case])
    found = []
    with store.transactions() as session:
        audit = EventAudit(session)
        for place, event in enumerate(case.events):
            answer = audit.by_id(event["event_id"], user)
            assert isinstance(answer, AuditResponse)
            for decision in answer.decisions:
                assert (decision.near_miss is None) == (decision.outcome is Outcome.REQUESTED)
                if decision.near_miss is not None:
                    one = replace(case, place=place, name=decision.rule)
                    found.append((one, Outcome(decision.outcome), decision.near_miss))
    return found


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
        yield case.with_event(event)


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
    yield case.with_event(event)


def _move_prior(case: Case, found: re.Match[str]) -> Iterator[Case]:
    kind, key, gap = found[1], found[2], parsed_gap(found[3])
    ((place, prior),) = [(n, other) for n, other in enumerate(case.events) if other["event_id"] == key]
    assert prior["event_type"] == kind
    yield case.with_one(place, at(prior, moment_of(prior) + gap))


def _add_prior(case: Case, found: re.Match[str]) -> Iterator[Case]:
    first, last = datetime.fromisoformat(found[2]), moment_of(case.event)
    for moment in (first, first + (last - first) / 3, last - TICK, last) if found[3] else (first,):
        yield case.with_added(made(found[1], "new", max(first, moment)))


def _move_event(case: Case, found: re.Match[str]) -> Iterator[Case]:
    moment = moment_of(case.event) + parsed_gap(found[1])
    assert moment == datetime.fromisoformat(found[2])
    yield case.with_event(at(case.event, moment))


def _wait(case: Case, found: re.Match[str]) -> Iterator[Case]:
    moment = datetime.fromisoformat(found[1])
    assert moment > moment_of(case.event)
    yield case.with_event(at(case.event, moment))


NONE = "no single change would have led to a request: "
REQUESTED = "would have been requested "
OPEN = "there|above|below|a \\w+ other than|a \\w+ that is none of"
READINGS: dict[str, Callable[[Case, re.Match[str]], Iterator[Case]]] = {
    rf"{REQUESTED}with (\S+) ?({OPEN})? ?(.*)": _set_field,
    rf"{REQUESTED}without (\S+)": _take_away,
    rf"{REQUESTED}if (\w+) (\w+) had come (.*)": _move_prior,
    rf"{REQUESTED}if a (\w+) had come in the \w+ before, at (\S+)( or later)?": _add_prior,
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

VALUES: tuple[Any, ...] = (0, 1, 2, 2.5, 3, 4, 100, "", "a", "zz", "2", True, False, [])
GAPS = [sign * gap for sign in (1, -1) for gap in (0 * HOUR, TICK, HOUR, HOUR + TICK, 24 * HOUR, 24 * HOUR + TICK)]
DAYS = [START.replace(hour=0) + day * 24 * HOUR for day in range(-4, 6)]


def single_changes(case: Case, outcome: Outcome) -> Iterator[Case]:
    """Of the kinds that are looked for: fields set or taken away, prior events moved or added, the event moved."""
    moments = {moment_of(other) + gap for other in case.events for gap in GAPS}
    moments |= {moment - shift for moment in (*DAYS, START + HOUR, START + HOUR + TICK) for shift in (0 * TICK, TICK)}
    for moment in moments:
        yield case.with_event(at(case.event, moment))
    if outcome is Outcome.SUPPRESSED:
        return
    fields = {condition["field"] for condition in case.rule["when"] if "field" in condition}
    for path in fields - {"event.event_timestamp"}:
        changed = [with_value(case.event, path), *(with_value(case.event, path, value) for value in VALUES)]
        yield from (case.with_event(event) for event in changed if event is not None)
    for kind in {condition["prior_event"] for condition in case.rule["when"] if "prior_event" in condition}:
        for moment in moments:
            yield case.with_added(made(kind, "new", moment))
            for place, other in enumerate(case.events):
                if other["event_type"] == kind and place != case.place:
                    yield case.with_one(place, at(other, moment))


NUMBERS = [field("properties.x", op, n) for op in ("equals", "not_equals", "gt", "lte") for n in (2, 3)]
CONDITIONS = st.sampled_from(
    [
        *NUMBERS,
        field("properties.x", "not_in", [1, 3]),
        missing("properties.x"),
        exists("properties.y.z"),
        field("event.event_timestamp", "gt", (START + HOUR).isoformat()),
        field("event.event_timestamp", "lt", (START - 2 * HOUR).isoformat()),
    ]
)
TYPES = ("s", "t", "r")
PRIORS = st.sampled_from([prior(kind, within) for kind in TYPES for within in ("24h", "1h")])
LIMITS: st.SearchStrategy[Json] = st.sampled_from(
    [
        {"limit": "none"},
        {"limit": "once_ever"},
        {"limit": "once_per_calendar_day"},
        {"limit": "once_per_calendar_day", "timezone": "Europe/Lisbon"},
    ]
)
MOMENTS = st.sampled_from((-48, -24, -12, -2, -1, 0, 0, 1, 2, 12, 13, 24, 25)).map(lambda h: START + h * HOUR)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to three rules, mostly of one template, and up to five events, close enough to matter."""
    limits = {"T": draw(LIMITS), "U": draw(LIMITS)}
    when = st.lists(CONDITIONS, max_size=2, unique_by=str) | st.lists(PRIORS, min_size=1, max_size=2, unique_by=str)
    rules = []
    for number in range(draw(st.integers(1, 3))):
        template = draw(st.sampled_from("TTTU"))
        about = {"on": draw(st.sampled_from("tts")), "when": draw(when | st.tuples(CONDITIONS, PRIORS).map(list))}
        rules.append(make_rule(template, name=f"r{number}", **about, **limits[template]))
    events = []
    for number in range(draw(st.integers(1, 5))):
        x, y = draw(st.sampled_from([None, 0, 1, 2, 3, 4, "a", "2", True])), draw(st.sampled_from([{}, {"z": 1}]))
        kind = draw(st.sampled_from(TYPES))
        events.append(made(kind, f"e{number}", draw(MOMENTS), properties={"x": x, "y": y}))
    return Case(tuple(rules), tuple(events), 0)


EXAMPLES = int(os.environ.get("MMSG_NEAR_MISS_EXAMPLES", "300"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_what_it_says_is_so(store: Store, case: Case) -> None:
    """A change that is told, made in the events and ingested, leads to a request; where there is none, none does."""
    for one, outcome, text in told(store, case):
        hypothesis_event(re.sub(r"[^a-z ].*", "", text.removeprefix(REQUESTED)))
        assert not text.startswith("not worked out")
        if text.startswith(NONE) and one.rule["limit"] != "once_per_calendar_day" and outcome is Outcome.SUPPRESSED:
            continue  # nothing was looked for
        if text.startswith(NONE):
            changed = list(single_changes(one, outcome))
            assert [o.events for o, is_so in zip(changed, requested(store, changed), strict=True) if is_so] == []
        elif not text.startswith("never again: "):
            assert set(requested(store, done_as_told(one, text))) == {True}, (one, text)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_of_a_user_with_a_long_past_it_says_the_same_or_that_it_cannot_tell(store: Store, case: Case) -> None:
    """Where no more is looked at than bears on the event's own fields."""
    whole = told(store, case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_again, "MOST_ARRIVALS", 0)
        parts = told(store, case)
    assert [(one.place, one.name, outcome) for one, outcome, _ in parts] == [
        (one.place, one.name, outcome) for one, outcome, _ in whole
    ]
    for (_, _, part), (one, _, text) in zip(parts, whole, strict=True):
        is_told = not part.startswith("not worked out: ")
        hypothesis_event(f"told: {is_told}")
        assert not is_told or part == text, one

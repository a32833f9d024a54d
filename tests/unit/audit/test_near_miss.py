"""What would have changed a decision: every suggestion is made, and decided on."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import TICK
from marketing_cli.domain.windows import RequestFact
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.near_miss import near_miss, smallest_change
from marketing_cli.services.near_miss_again import Again, Arrival, Budget, Given, TooMuchWork
from marketing_cli.services.near_miss_changes import Change, distance_text
from marketing_cli.services.rules_files import parse_rules
from marketing_cli.services.suppression import window_of

NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)


def rule(*when: str, limit: str = "none", more: str = "") -> Rule:
    """A rule on `t` with these conditions in flow style."""
    text = (
        "version: 1\nrules:\n  - {name: r, on: t, message: {template: T, channel: sms}, "
        f"limit: {limit}{more}, when: [{', '.join('{' + one + '}' for one in when)}]}}\n"
    )
    return parse_rules(text, "rules").rules[0]


def event(moment: datetime = NOON, **properties: Any) -> EventFacts:
    """An event at noon."""
    return EventFacts(14, "e", has_own_id=True, user_id="u", event_type="t", timestamp=moment, properties=properties)


Past: TypeAlias = tuple[EventFacts | RequestFact, ...]


def prior(before: timedelta, number: int = 3) -> Past:
    """A past with one `s` so long before noon."""
    key = f"s{number - 2}"
    return (EventFacts(2 * number, key, has_own_id=True, user_id="u", event_type="s", timestamp=NOON - before),)


def sent(*moments: datetime) -> Past:
    """A past with requests, whose events are not there any more."""
    return tuple(RequestFact("u", "T", m, None, None, n + 20) for n, m in enumerate(moments))


def again(one: Rule, asked: EventFacts, past: Past, most: int = 10_000) -> Again:
    """What happened, to be decided afresh."""
    events = [*(fact for fact in past if isinstance(fact, EventFacts)), asked]
    requests = (fact for fact in past if isinstance(fact, RequestFact))
    given = [Given(1, fact, "gone", window_of(one, _at(asked, fact)).name) for fact in requests]
    arrivals = [Arrival(fact, 1) for fact in sorted(events, key=lambda fact: fact.id)]
    return Again(arrivals, {1: RuleSet(version=1, rules=(one,))}, given, Budget(most))


def _at(asked: EventFacts, request: RequestFact) -> EventFacts:
    return asked._replace(timestamp=request.event_timestamp, key=request.event_key or f"gone{request.id}")


def told(one: Rule, asked: EventFacts, past: Past = ()) -> str | None:
    """The sentence."""
    return near_miss(one, asked, again(one, asked, past))


def smallest(one: Rule, asked: EventFacts, past: Past = ()) -> Change | None:
    """The change."""
    return smallest_change(one, asked, again(one, asked, past))


def is_requested(one: Rule, asked: EventFacts, past: Past, change: Change | None = None) -> bool:
    """Whether there is a request, with a change."""
    changed = again(one, asked, past)
    return changed.is_requested_with(change.changed, one, asked) if change else changed.is_requested(one, asked)


H = timedelta(hours=1)


@pytest.mark.parametrize(
    ("condition", "found", "text"),
    [
        ("equals: a", {"x": "b"}, 'with properties.x "a"'),
        ("equals: true", {}, "with properties.x true"),
        ("equals: 3", {"x": None}, "with properties.x 3"),
        ("not_equals: a", {"x": "a"}, 'with properties.x a text other than "a"'),
        ("not_equals: true", {"x": True}, "with properties.x false"),
        ("not_equals: 3", {"x": "3"}, "with properties.x a number other than 3"),
        ("not_equals: a", {}, 'with properties.x a text other than "a"'),
        ("not_equals: 3", {"x": []}, "with properties.x a number other than 3"),
        ("in: [1, 9]", {"x": 8}, "with properties.x 9"),
        ("in: [a, b]", {"x": "c"}, 'with properties.x "a"'),
        ("not_in: [1, 2]", {"x": 1}, "with properties.x a number that is none of [1, 2]"),
        ("not_in: [1, 2]", {"x": None}, "with properties.x a number that is none of [1, 2]"),
        ("not_in: [1, a]", {}, "with properties.x 2"),
        ("gt: 3", {"x": 2}, "with properties.x above 3"),
        ("gte: 3", {"x": "2.5"}, "with properties.x 3"),
        ("gte: 3", {"x": "many"}, "with properties.x 3"),
        ("lt: 3", {"x": 3.0}, "with properties.x below 3"),
        ("lte: 3", {"x": "4"}, "with properties.x 3"),
        ("exists: true", {}, "with properties.x there"),
        ("missing: true", {"x": 1}, "without properties.x"),
    ],
)
def test_a_field(condition: str, found: dict[str, Any], text: str) -> None:
    """The nearest value that satisfies each operator."""
    one = rule(f"field: properties.x, {condition}")
    assert told(one, event(**found)) == f"would have been requested {text}"
    change = smallest(one, event(**found))
    assert change is not None
    assert is_requested(one, event(**found), (), change)


@pytest.mark.parametrize(
    ("conditions", "found", "text"),
    [
        (["gt: 3", "lt: 4"], {"x": 1}, "with properties.x 3.0000000000000004"),
        (["gte: 3", "not_equals: 3"], {"x": 1}, "with properties.x 4"),
    ],
)
def test_two_conditions_on_one_field(conditions: list[str], found: dict[str, Any], text: str) -> None:
    """One value that satisfies both."""
    one = rule(*(f"field: properties.x, {condition}" for condition in conditions))
    assert told(one, event(**found)) == f"would have been requested {text}"


PRIOR = "prior_event: s, within: 24h"
AT = "field: event.event_timestamp, "


@pytest.mark.parametrize(
    ("one", "past", "text"),
    [
        (rule(PRIOR), prior(26 * H + timedelta(minutes=10)), "if s s1 had come 2 h 10 m later"),
        (rule(PRIOR), prior(24 * H + TICK), "if s s1 had come 1 µs later"),
        (rule(PRIOR), prior(-5 * H), "if s s1 had come 5 h earlier"),
        (rule(PRIOR), (), "if a s had come in the 24h before, at 2025-10-31T12:00:00Z or later"),
        (
            rule(AT + "gte: 2025-11-01T13:00:00Z"),
            (),
            "if the event itself had come 1 h later, at 2025-11-01T13:00:00Z",
        ),
        (
            rule(AT + "lt: 2025-11-01T12:00:00Z"),
            (),
            "if the event itself had come 1 µs earlier, at 2025-11-01T11:59:59.999999Z",
        ),
    ],
)
def test_a_moment(one: Rule, past: Past, text: str) -> None:
    """By how much, to the microsecond; a microsecond less would not have done."""
    assert told(one, event(), past) == f"would have been requested {text}"
    change = smallest(one, event(), past)
    assert change is not None
    assert is_requested(one, event(), past, change)
    changed = change.changed
    back = TICK if "earlier" in text else -TICK
    less = change._replace(changed=changed._replace(timestamp=changed.timestamp + back))
    assert not is_requested(one, event(), past, less)


DAILY = rule(limit="once_per_calendar_day")
LISBON = rule(limit="once_per_calendar_day", more=", timezone: Europe/Lisbon")
NEW_YORK = rule(limit="once_per_calendar_day", more=", timezone: America/New_York")


@pytest.mark.parametrize(
    ("one", "moment", "past", "text"),
    [
        (DAILY, NOON, sent(NOON - H), "next possible from 2025-11-02T00:00Z"),
        (DAILY, NOON, sent(NOON - H, NOON + 13 * H), "next possible from 2025-11-03T00:00Z"),
        (LISBON, NOON - 24 * 90 * H, sent(NOON - 24 * 90 * H), "next possible from 2025-08-03T23:00Z"),
        (NEW_YORK, NOON + 24 * H, sent(NOON + 24 * H), "next possible from 2025-11-03T05:00Z"),
        (rule(limit="once_ever"), NOON, sent(NOON - H), "never again: T is sent once ever"),
    ],
)
def test_a_limit(one: Rule, moment: datetime, past: Past, text: str) -> None:
    """The first free moment in the rule's zone, across days that are used up and clocks that change."""
    assert told(one, event(moment), past) == text
    change = smallest(one, event(moment), past)
    if change is not None:
        less = change.changed._replace(timestamp=change.changed.timestamp - TICK)
        assert is_requested(one, event(moment), past, change)
        assert not is_requested(one, event(moment), past, change._replace(changed=less))


@pytest.mark.parametrize(
    ("one", "past", "text"),
    [
        (rule("field: properties.x, equals: 1", "field: properties.y, equals: 1"), (), "two conditions failed"),
        (rule("field: properties.x, equals: 1", PRIOR), (), "two conditions failed"),
        (
            rule("field: properties.x, equals: 1", limit="once_ever"),
            sent(NOON),
            "one condition failed, and the limit of T is used up",
        ),
        (
            rule("field: event.user_id, equals: v"),
            (),
            "one condition failed, which nothing that is known of the event can meet",
        ),
        (rule(), (RequestFact("u", "T", NOON, 14, "e"),), "T is sent once for each event"),
    ],
)
def test_no_single_change(one: Rule, past: Past, text: str) -> None:
    """It says so."""
    assert told(one, event(), past) == f"no single change would have led to a request: {text}"
    assert smallest(one, event(), past) is None


def test_nothing_to_change() -> None:
    """A request needs no other."""
    assert told(rule(), event()) is None


@pytest.mark.parametrize(
    ("gap", "text"),
    [(50 * H + timedelta(minutes=3, seconds=2), "2 d 2 h 3 m 2 s later"), (-47 * H - TICK, "47 h 1 µs earlier")],
)
def test_a_distance_is_exact(gap: timedelta, text: str) -> None:
    """Nothing is cut off: moved by less, it would not do."""
    assert distance_text(gap) == text


CONDITIONS = st.sampled_from(
    [
        *(
            f"field: properties.x, {op}: {n}"
            for op in ("equals", "not_equals", "gt", "gte", "lt", "lte")
            for n in (0, 2, 3)
        ),
        "field: properties.x, in: [1, a]",
        "field: properties.x, not_in: [1, 3]",
        "field: properties.x, missing: true",
        "field: properties.y.z, exists: true",
        AT + "gt: 2025-11-01T13:00:00Z",
        PRIOR,
        "prior_event: s, within: 1h",
    ]
)
MOMENTS = st.integers(-60, 60).map(lambda hours: NOON + hours * H)
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, 0, 1, 2, 2.5, "2", "x", True, [], {}])


@given(
    when=st.lists(CONDITIONS, max_size=3, unique=True),
    limit=st.sampled_from(["none", "once_ever", "once_per_calendar_day"]),
    priors=st.lists(MOMENTS, max_size=2),
    requests=st.lists(MOMENTS, max_size=3).map(sorted),
    x=VALUES,
    y=VALUES,
)
def test_what_is_suggested_leads_to_a_request(  # noqa: PLR0913, PLR0917 - one for each thing that varies
    when: list[str], limit: str, priors: list[datetime], requests: list[datetime], x: Any, y: Any
) -> None:
    """Whatever is suggested, made, is requested by the engine; where nothing is, it was requested already."""
    one = rule(*when, limit=limit)
    arrived = [prior(NOON - moment, number + 1) for number, moment in enumerate(priors)]
    past = (*(fact for one_prior in arrived for fact in one_prior), *sent(*requests))
    facts = event(x=x, y=y)
    text, change = told(one, facts, past), smallest(one, facts, past)
    assert (text is None) == is_requested(one, facts, past)
    if change is not None:
        assert is_requested(one, facts, past, change)


def test_it_stops_where_that_takes_too_long() -> None:
    """No more arrivals are decided again than may be."""
    one = rule(PRIOR, limit="once_ever")
    with pytest.raises(TooMuchWork):
        near_miss(one, event(), again(one, event(), prior(26 * H), most=3))

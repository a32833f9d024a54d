"""Conditions on an earlier event: both edges of the window, and which event counts."""

from datetime import timedelta
from typing import Any

import pytest

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import evaluate
from support.deciding import facts, history_of, prior, the_rule
from support.events import make_event

HOUR, TICK, MS = timedelta(hours=1), timedelta(microseconds=1), timedelta(milliseconds=1)
DAY = 24 * HOUR
NOW = facts(make_event(event_id="now", event_type="link_bank_success", event_timestamp="2025-11-02T12:00:00Z"), 100)
MISSING, OUTSIDE = ReasonCode.PRIOR_EVENT_MISSING, ReasonCode.PRIOR_EVENT_OUTSIDE_WINDOW


def at(before: timedelta, row: int = 1, event_type: str = "signup_completed", user: str = "u_1") -> EventFacts:
    """An event that lies so long before NOW."""
    moment = (NOW.timestamp - before).isoformat()
    return facts(make_event(event_id=f"p{row}", user_id=user, event_type=event_type, event_timestamp=moment), row)


@pytest.mark.parametrize(
    ("within", "before", "code"),
    [
        ("24h", DAY, None),
        ("24h", DAY - TICK, None),
        ("24h", DAY - MS, None),
        ("24h", DAY + TICK, OUTSIDE),
        ("24h", DAY + MS, OUTSIDE),
        ("24h", HOUR, None),
        ("24h", TICK, None),
        ("24h", MS, None),
        ("24h", 0 * TICK, None),
        ("24h", -TICK, OUTSIDE),
        ("24h", -MS, OUTSIDE),
        ("24h", -DAY, OUTSIDE),
        ("90s", timedelta(seconds=90), None),
        ("90s", timedelta(seconds=90) + TICK, OUTSIDE),
        ("15m", timedelta(minutes=15), None),
        ("15m", timedelta(minutes=15) + TICK, OUTSIDE),
        ("7d", 7 * DAY, None),
        ("7d", 7 * DAY + TICK, OUTSIDE),
        ("3660d", 3660 * DAY, None),
        ("3660d", 3660 * DAY + TICK, OUTSIDE),
        ("1s", timedelta(seconds=1), None),
    ],
)
def test_both_ends_of_the_window_count(within: str, before: timedelta, code: ReasonCode | None) -> None:
    """To the microsecond: at most so long before, and at the same moment at the latest."""
    rule = the_rule(on=NOW.event_type, when=[prior("signup_completed", within)])
    found = at(before)
    (result,) = evaluate(rule, NOW, history_of(found, NOW)).results
    assert (result.held, result.code, result.found) == (code is None, code, found.ref)


@pytest.mark.parametrize(
    ("events", "code", "found"),
    [
        ([], MISSING, None),
        ([NOW], MISSING, None),
        ([at(HOUR, user="u_2")], MISSING, None),
        ([at(HOUR, event_type="signup_started")], MISSING, None),
        ([at(HOUR, event_type="Signup_completed")], MISSING, None),
        ([at(3 * HOUR, 1), at(2 * HOUR, 2), at(5 * HOUR, 3)], None, "p2"),
        ([at(2 * HOUR, 1), at(2 * HOUR, 2)], None, "p2"),
        ([at(30 * HOUR, 1), at(-HOUR, 2)], OUTSIDE, "p1"),
        ([at(-2 * HOUR, 1), at(-HOUR, 2)], OUTSIDE, "p2"),
        ([at(30 * HOUR, 1), at(26 * HOUR, 2)], OUTSIDE, "p2"),
    ],
)
def test_which_event_counts(events: list[EventFacts], code: ReasonCode | None, found: str | None) -> None:
    """The latest before it, of the same user and exactly that type; if none fits, the nearest miss is shown."""
    rule = the_rule(on=NOW.event_type, when=[prior("signup_completed", "24h")])
    (result,) = evaluate(rule, NOW, history_of(*events)).results
    assert result.code is code
    assert getattr(result.found, "key", None) == found


@pytest.mark.parametrize(
    ("others", "holds"),
    [
        ([], False),
        ([0 * TICK], True),
        ([0 * TICK, 0 * TICK], True),
        ([TICK], True),
        ([-TICK], False),
        ([DAY], True),
        ([DAY + TICK], False),
        ([-HOUR, HOUR], True),
        ([-TICK, -HOUR, DAY + TICK], False),
    ],
)
@pytest.mark.parametrize("row", [0, 2, 100])
def test_another_event_of_the_same_type(others: list[timedelta], holds: bool, row: int) -> None:
    """It counts, at the same moment too, wherever it came in; an event is never its own prior event."""
    rule = the_rule(on=NOW.event_type, when=[prior(NOW.event_type, "24h")])
    known = [at(before, row + number, NOW.event_type) for number, before in enumerate(others, 1)]
    evaluation = evaluate(rule, NOW, history_of(*known, NOW, *known))
    assert evaluation.matched is holds


@pytest.mark.parametrize(
    ("known", "codes"),
    [
        ({"a": HOUR, "b": 2 * HOUR}, [None, None, None]),
        ({"a": 2 * HOUR, "b": HOUR}, [OUTSIDE, None, None]),
        ({"a": HOUR, "b": 49 * HOUR}, [None, OUTSIDE, None]),
        ({"a": 25 * HOUR, "b": HOUR}, [OUTSIDE, None, OUTSIDE]),
        ({"a": HOUR}, [None, MISSING, None]),
        ({"b": HOUR}, [MISSING, None, MISSING]),
        ({}, [MISSING, MISSING, MISSING]),
    ],
)
def test_several_conditions_are_each_judged(known: dict[str, timedelta], codes: list[ReasonCode | None]) -> None:
    """All of them must hold; two may ask for one type with different windows."""
    conditions = [prior("a", "1h"), prior("b", "2d"), prior("a", "24h")]
    history = history_of(*(at(before, row, name) for row, (name, before) in enumerate(known.items(), 1)))
    evaluation = evaluate(the_rule(on=NOW.event_type, when=conditions), NOW, history)
    assert [result.code for result in evaluation.results] == codes
    assert evaluation.matched is not any(codes)


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_time(timestamp: str) -> None:
    """A window that reaches beyond the calendar ends there."""
    event: dict[str, Any] = make_event(event_type="b", event_timestamp=timestamp)
    late, early = facts(event | {"event_id": "late"}, 1), facts(event | {"event_type": "a"}, 2)
    rule = the_rule(on="b", when=[prior("a", "3660d")])
    history = history_of(early)
    (condition,) = rule.prior_conditions
    history.leave_open(rule.name, condition, late)
    assert evaluate(rule, late, history).matched
    assert list(history.open_for(rule.name, condition, early)) == [late]


def test_an_event_is_known_once() -> None:
    """What is stored and loaded again does not count twice."""
    history = History()
    event = at(HOUR)
    for _ in range(3):
        history.add_event(event.user_id, event.event_type, event.ref)
    assert history.nearest_prior(event, event.event_type) is None

"""What the engine decides, and the words it finds for it; the stories are in stories.yaml."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.windows import RequestFact
from marketing_cli.services import engine
from marketing_cli.services.engine import Decision, Verdict, arrive, decide
from marketing_cli.services.history import History
from marketing_cli.services.suppression import blocked_text, window_of
from support.deciding import facts, field, history_of, make_rule, missing, prior, rule_set, the_rule
from support.events import make_event

DOCUMENT = YAML(typ="safe", pure=True).load(Path(__file__).with_name("stories.yaml"))


def ev(key: str, event_type: str = "payment_failed", at: str = "10:00", **more: Any) -> dict[str, Any]:
    """An event of 1 November 2025 at this time of day or, with a `T` in it, of that moment."""
    moment = at if "T" in at else f"2025-11-01T{at}:00Z"
    return make_event(event_id=key, event_type=event_type, event_timestamp=moment, **more)


def decided(rules: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[Decision]:
    """Every decision, in order, when these events arrive one by one."""
    known, history = rule_set(*rules), History()
    arrivals = [facts(event, row) for row, event in enumerate(events, 1)]
    verdicts = [verdict for event in arrivals for verdict in arrive(known, event, history)]
    return [verdict.decision for verdict in verdicts if verdict.decision]


def told(decision: Decision) -> str:
    """A decision in short: event, rule, what became of it, and the late event that caused it."""
    text = f"{decision.event.key} {decision.rule.name} {decision.reason_code or 'sent'}"
    return text if decision.cause is decision.event else f"{text} by {decision.cause.key}"


RULES: dict[str, dict[str, Any]] = {name: make_rule(**rule) for name, rule in DOCUMENT["rules"].items()}
STORIES: list[dict[str, Any]] = DOCUMENT["stories"]


def step(text: str) -> dict[str, Any]:
    """An event of a story."""
    words, brace, properties = text.partition("{")
    name, *rest = words.split()
    key, _, user = name.partition("@")
    at = next((word for word in rest if word[0].isdigit()), "10:00")
    event_type = next((word for word in rest if not word[0].isdigit()), "payment_failed")
    return ev(key, event_type, at, user_id=user or "u_1", properties=json.loads(brace + properties or "{}"))


@pytest.mark.parametrize("story", STORIES, ids=[story["name"].replace(" ", "-") for story in STORIES])
def test_what_comes_of_a_story(story: dict[str, Any]) -> None:
    """Every match is a request or a suppression, in this order, caused by this event."""
    rules = [RULES[rule] if isinstance(rule, str) else make_rule(**rule) for rule in story["rules"]]
    assert [told(decision) for decision in decided(rules, [*map(step, story["events"])])] == story["expect"]


def test_every_story_is_another() -> None:
    """Each has a name of its own, and no rule of the table is left unused."""
    assert len({story["name"] for story in STORIES}) == len(STORIES)
    assert {rule for story in STORIES for rule in story["rules"] if isinstance(rule, str)} == set(RULES)


@pytest.mark.parametrize(
    ("rule", "events", "code", "text"),
    [
        (
            make_rule("INSUFFICIENT_FUNDS_EMAIL", limit="once_per_calendar_day"),
            [ev("evt_81", at="10:41"), ev("evt_82", at="22:00")],
            "daily_cap_reached",
            "skipped INSUFFICIENT_FUNDS_EMAIL: already sent today at 10:41Z (event evt_81)",
        ),
        (
            make_rule("WELCOME_EMAIL", limit="once_ever"),
            [ev("evt_7"), ev("evt_8", at="2026-01-01T00:00:00Z")],
            "already_sent_once_ever",
            "skipped WELCOME_EMAIL: already sent at 2025-11-01T10:00:00Z (event evt_7)",
        ),
        (
            make_rule("T", limit="once_per_calendar_day"),
            [ev("a", at="2025-11-01T10:41:59.999Z"), ev("b", at="09:00")],
            "daily_cap_reached",
            "skipped T: already sent today at 10:41Z (event a)",
        ),
        (
            make_rule("T", limit="once_per_calendar_day", timezone="Asia/Tokyo"),
            [ev("a", at="2025-11-01T15:30:00Z"), ev("b", at="2025-11-02T03:00:00Z")],
            "daily_cap_reached",
            "skipped T: already sent on the same calendar day at 2025-11-01T15:30:00Z (event a)",
        ),
        (
            make_rule("T", limit="once_ever"),
            [ev("a", at="2025-11-01T10:00:00.5Z"), ev("b")],
            "already_sent_once_ever",
            "skipped T: already sent at 2025-11-01T10:00:00.500Z (event a)",
        ),
    ],
)
def test_a_suppression_says_what_blocked_it(
    rule: dict[str, Any], events: list[dict[str, Any]], code: str, text: str
) -> None:
    """Template, time and event of the request that used up the cap."""
    first, second = decided([rule], events)
    assert (first.reason_code, first.suppression_reason) == (None, None)
    assert (second.reason_code, second.suppression_reason) == (code, text)
    assert second.used_by is first.used_by
    assert second.used_by.event_key == events[0]["event_id"]


def test_a_second_rule_for_the_same_event_says_so() -> None:
    """The template was requested for this very event."""
    _, second = decided([make_rule("T", name="r1"), make_rule("T", name="r2")], [ev("a")])
    assert second.suppression_reason == "skipped T: already sent for this event at 2025-11-01T10:00:00Z (event a)"


def test_a_request_whose_event_was_deleted_still_blocks() -> None:
    """The text then says why it names no event."""
    rule, event = the_rule(limit="once_ever"), facts(ev("b"), 2)
    history = History()
    window = window_of(rule, event)
    history.use_window(window, RequestFact("u_1", "T", event.timestamp, None, None, 9))
    decision = decide(rule, event, history, event).decision
    assert decision is not None
    assert decision.outcome is Outcome.SUPPRESSED
    assert decision.suppression_reason == blocked_text(window, event, decision.used_by)
    assert decision.suppression_reason.endswith("(its event is no longer stored)")


@pytest.mark.parametrize(
    ("when", "events", "reason"),
    [
        ([], [ev("a")], "rule matched: no conditions"),
        ([field("properties.n", "gte", 3)], [ev("a", properties={"n": "4"})], 'rule matched: properties.n is "4"'),
        ([missing("properties.n")], [ev("a")], "rule matched: properties.n is missing"),
        (
            [field("properties.n", "gte", 3), prior("signup", "24h")],
            [ev("s", "signup", "08:30"), ev("a", properties={"n": 3})],
            "rule matched: properties.n is 3; signup s came 1 h 30 m before (24h allowed)",
        ),
        (
            [prior("signup", "24h")],
            [ev("a"), ev("s", "signup", "08:00")],
            (
                "rule matched: signup s came 2 h before (24h allowed);"
                " decided late, when signup s of 2025-11-01T08:00:00Z arrived"
            ),
        ),
        (
            [prior("signup", "24h")],
            [ev("s", "signup"), ev("a")],
            "rule matched: signup s came at the same moment (24h allowed)",
        ),
    ],
)
def test_a_request_says_why(when: list[dict[str, Any]], events: list[dict[str, Any]], reason: str) -> None:
    """The rule, the facts that matched, and which of them came late."""
    (decision,) = decided([make_rule(when=when)], events)
    assert decision.reason == reason


def test_deciding_changes_nothing() -> None:
    """Asked twice, the same rule gives the same answer: only an arrival uses up a window."""
    rule, event = the_rule(limit="once_ever"), facts(ev("a"))
    history = history_of(event)
    outcomes = [decide(rule, event, history, event).decision for _ in range(2)]
    assert [decision and decision.outcome for decision in outcomes] == [Outcome.REQUESTED, Outcome.REQUESTED]


def test_an_arrival_has_a_verdict_for_each_of_its_own_rules() -> None:
    """Those that did not match included, so that what could not be compared can be counted."""
    rules = rule_set(RULES["alert"], RULES["funds"], RULES["nudge"])
    verdicts = arrive(rules, facts(ev("a", properties={"n": "many"})), History())
    assert [verdict.evaluation.rule.name for verdict in verdicts] == ["alert", "funds"]
    failure = verdicts[0].evaluation.first_failure
    assert failure is not None
    assert failure.code is ReasonCode.VALUE_NOT_COMPARABLE


@pytest.mark.parametrize(
    "when",
    [
        [prior("signup", "30d"), prior("never", "30d")],
        [prior("signup", "30d"), field("properties.n", "gte", 3)],
        [prior("signup", "30d"), prior("signup", "20d"), prior("never", "30d")],
    ],
)
def test_an_event_is_looked_at_again_only_while_it_waits_for_that_fact(
    when: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's thousands of events, newest first, are not all decided again with each of thousands of facts."""
    looks: list[object] = []

    def counted(*args: Any) -> Verdict:
        looks.append(args)
        return decide(*args)

    monkeypatch.setattr(engine, "decide", counted)
    rules, history = rule_set(make_rule(on="link", when=when)), History()
    for row in range(200):
        moment = f"2025-11-{25 - row // 10:02}T{23 - row % 10:02}:00:00Z"
        event = facts(ev(f"e{row}", "signup" if row % 2 else "link", moment), row)
        assert [verdict for verdict in arrive(rules, event, history) if verdict.decision] == []
    assert len(looks) <= 100 * (1 + 2)

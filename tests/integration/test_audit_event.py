"""`mmsg audit EVENT_ID`: what every rule made of an event, what it expected and what it found."""

from pathlib import Path
from typing import Any

import pytest

from support.auditing import audit, change, failed_payment, link, rules_file, signup, store
from support.events import MISSING, make_event

AGAIN = failed_payment(event_id="again", event_timestamp="2025-11-01T14:00:00Z")


def decisions(url: str, *args: str) -> dict[str, Any]:
    """The decisions on an event by rule."""
    return {decision["rule"]: decision for decision in audit(url, *args)["decisions"]}


def test_a_request(database_url: str) -> None:
    """It says why, when, by which rules and because of which event."""
    report = store(database_url, signup())
    (decision,) = audit(database_url, "signup")["decisions"]
    assert decision.pop("decided_at").endswith("Z")
    assert decision == {
        "rule": "welcome_email",
        "template": "WELCOME_EMAIL",
        "channel": "email",
        "outcome": "requested",
        "reason_code": None,
        "reason": "welcome_email matched: user_traits.marketing_opt_in is true",
        "rules_sha256": report["rules"]["sha256"],
        "caused_by": "signup",
        "conditions": [
            {
                "condition": "user_traits.marketing_opt_in equals",
                "expected": True,
                "found": True,
                "held": True,
                "code": None,
                "note": None,
            }
        ],
        "historical": False,
        "late": False,
        "run_id": 1,
        "matched_because": "welcome_email matched: user_traits.marketing_opt_in is true",
        "blocked_by": None,
        "notes": [],
        "near_miss": None,
    }


def test_where_it_came_from(database_url: str, tmp_path: Path) -> None:
    """The run, the input as it was named, and the line, blank ones counted."""
    path = tmp_path / "events.ndjson"
    path.write_text("\n\n" + '{"event_id":"x","user_id":7,"event_type":"t","event_timestamp":"2025-11-01T10:00:00Z"}')
    store(database_url, options=(path,))
    assert audit(database_url, "x")["source"] == {"run_id": 1, "path": str(path), "line": 3, "format": "ndjson"}


TWO_RULES = (
    "name: a, on: payment_failed, message: {template: T, channel: sms}, limit: none}\n"
    "  - {name: b, on: payment_failed, message: {template: T, channel: sms}, limit: none"
)


@pytest.mark.parametrize(
    ("rules", "events", "expected"),
    [
        (
            "name: a, on: payment_failed, message: {template: T, channel: sms}, limit: once_per_calendar_day",
            [failed_payment(), AGAIN],
            ("again", "daily_cap_reached", "skipped T: already sent today at 13:00Z (event payment)"),
        ),
        (
            "name: a, on: payment_failed, message: {template: T, channel: sms}, limit: once_ever",
            [AGAIN, failed_payment()],
            ("payment", "already_sent_once_ever", "skipped T: already sent at 2025-11-01T14:00:00Z (event again)"),
        ),
        (
            TWO_RULES,
            [failed_payment()],
            (
                "payment",
                "already_sent_for_event",
                "skipped T: already sent for this event at 2025-11-01T13:00:00Z (event payment)",
            ),
        ),
    ],
)
def test_a_suppression(
    database_url: str, tmp_path: Path, rules: str, events: list[Any], expected: tuple[str, str, str]
) -> None:
    """Its reason is what blocked it, which is named with its time; why the rule matched is beside it."""
    audited, code, reason = expected
    store(database_url, *events, options=("--rules", rules_file(tmp_path, rules)))
    decision = audit(database_url, audited)["decisions"][-1]
    assert (decision["outcome"], decision["reason_code"], decision["reason"]) == ("suppressed", code, reason)
    assert decision["matched_because"].endswith("matched: no conditions")
    assert decision["blocked_by"]["send_request_id"] == 1
    assert decision["blocked_by"]["event_id"] == events[0]["event_id"]
    assert decision["blocked_by"]["event_timestamp"] == events[0]["event_timestamp"]


OUTSIDE = "prior_event_outside_window"
FIELD = "name: a, on: payment_failed, when: [{field: properties.n, gte: 3}], limit: none, "
MESSAGE = "message: {template: T, channel: sms}"


@pytest.mark.parametrize(
    ("properties", "found", "because"),
    [
        ({}, MISSING, ("condition_false", "properties.n gte 3: it is not there")),
        (None, MISSING, ("condition_false", "properties.n gte 3: it is not there")),
        ({"n": None}, None, ("condition_false", "properties.n gte 3: found null")),
        ({"n": 2}, 2, ("condition_false", "properties.n gte 3: found 2")),
        ({"n": "2.5"}, "2.5", ("condition_false", 'properties.n gte 3: found "2.5"')),
        (
            {"n": "x"},
            "x",
            ("value_not_comparable", 'properties.n gte 3: found "x", which cannot be compared with that'),
        ),
        ({"n": []}, [], ("value_not_comparable", "properties.n gte 3: found [], which cannot be compared with that")),
    ],
)
def test_a_field_that_does_not_hold(
    database_url: str, tmp_path: Path, properties: Any, found: Any, because: tuple[str, str]
) -> None:
    """What was not there is absent, null is null, and anything else is shown as received."""
    code, reason = because
    rules = rules_file(tmp_path, FIELD + MESSAGE)
    store(database_url, failed_payment(properties=properties), options=("--rules", rules))
    (decision,) = audit(database_url, "payment")["decisions"]
    (condition,) = decision["conditions"]
    assert (decision["outcome"], decision["reason_code"], decision["reason"]) == ("not_matched", code, reason)
    assert (decision["decided_at"], decision["caused_by"], decision["run_id"]) == (None, None, None)
    assert condition.get("found", MISSING) == found
    assert (condition["expected"], condition["held"], condition["code"]) == (3, False, code)


@pytest.mark.parametrize(
    ("signup_at", "gap", "because"),
    [
        ("2025-11-01T12:00:00Z", "at the same moment", None),
        ("2025-10-31T12:00:00Z", "24 h before", None),
        (
            "2025-10-31T11:59:59.999Z",
            "24 h before",
            (OUTSIDE, "1 ms too early", "signup_completed signup came 24 h before; 24h allowed"),
        ),
        (
            "2025-10-31T09:50:00Z",
            "26 h 10 m before",
            (OUTSIDE, "2 h 10 m too early", "signup_completed signup came 26 h 10 m before; 24h allowed"),
        ),
        (
            "2025-11-01T12:05:00Z",
            "5 m after",
            (OUTSIDE, "it came after the event", "signup_completed signup came 5 m after, and not in the 24h before"),
        ),
    ],
)
def test_a_prior_event_that_is_known(
    database_url: str, signup_at: str, gap: str, because: tuple[str, str, str] | None
) -> None:
    """The nearest one is shown, in the window or not, with how far it lies and the stretch that was allowed."""
    code, note, reason = because or (None, None, None)
    store(database_url, signup(event_timestamp=signup_at), link())
    (decision,) = audit(database_url, "link")["decisions"]
    assert decision["conditions"] == [
        {
            "condition": "prior_event signup_completed within 24h",
            "expected": {
                "event_type": "signup_completed",
                "from": "2025-10-31T12:00:00Z",
                "to": "2025-11-01T12:00:00Z",
            },
            "found": {"event_id": "signup", "event_timestamp": signup_at, "gap": gap},
            "held": code is None,
            "code": code,
            "note": note,
        }
    ]
    assert decision["reason_code"] == code
    if reason:
        assert decision["reason"] == reason


def test_a_prior_event_that_is_not_known(database_url: str) -> None:
    """Nothing is found; another user's signup does not count."""
    store(database_url, link(), signup(user_id="u_2"))
    (decision,) = audit(database_url, "link")["decisions"]
    assert decision["reason_code"] == "prior_event_missing"
    assert decision["reason"] == "no signup_completed of this user is known"
    assert "found" not in decision["conditions"][0]


def test_the_nearest_prior_event_is_told_among_many(database_url: str) -> None:
    """The latest one before; one after the event only if there is none before."""
    times = ["2025-10-01T00:00:00Z", "2025-10-20T00:00:00Z", "2025-11-01T12:00:01Z", "2025-12-01T00:00:00Z"]
    signups = [signup(event_id=f"s{number}", event_timestamp=time) for number, time in enumerate(times)]
    others = [signup(event_id="other", user_id="u_2", event_timestamp="2025-10-31T00:00:00Z")]
    store(database_url, *signups, *others, link())
    (condition,) = audit(database_url, "link")["decisions"][0]["conditions"]
    assert condition["found"]["event_id"] == "s1"


def test_every_rule_and_every_condition_is_shown(database_url: str, tmp_path: Path) -> None:
    """In file order, also what comes after the first condition that failed; disabled rules looked at nothing."""
    rules = rules_file(
        tmp_path,
        "name: z, on: payment_failed, when: [{field: properties.a, exists: true}, {field: event.user_id, equals: u_1}],"
        " message: {template: Z, channel: email}, limit: none",
        "name: off, enabled: false, on: payment_failed, message: {template: O, channel: sms}, limit: none",
        "name: other, on: signup_completed, message: {template: X, channel: sms}, limit: none",
        "name: a, on: payment_failed, when: [{field: event.event_timestamp, gt: '2025-11-01T00:00:00+01:00'}],"
        " message: {template: A, channel: internal_alert}, limit: none",
    )
    store(database_url, failed_payment(), options=("--rules", rules))
    found = audit(database_url, "payment")["decisions"]
    assert [(decision["rule"], decision["outcome"]) for decision in found] == [("z", "not_matched"), ("a", "requested")]
    assert [condition["held"] for condition in found[0]["conditions"]] == [False, True]
    assert found[1]["conditions"][0]["found"] == "2025-11-01T13:00:00Z"


def test_a_type_that_no_rule_looks_at(database_url: str) -> None:
    """There is nothing to decide."""
    store(database_url, make_event(event_type="surprise"))
    assert audit(database_url, "evt_1")["decisions"] == []


def test_by_row_and_by_user(database_url: str) -> None:
    """One id of two users is two events: the row or the user picks one."""
    store(database_url, signup(), signup(user_id="u_2", user_traits={}))
    by_user = {user: audit(database_url, "signup", "--user", user) for user in ("u_1", "u_2")}
    assert [found["event"]["user_id"] for found in by_user.values()] == ["u_1", "u_2"]
    assert [found["decisions"][0]["outcome"] for found in by_user.values()] == ["requested", "not_matched"]
    for found in by_user.values():
        assert audit(database_url, "--row", str(found["event"]["id"])) == found
    candidates = audit(database_url, "signup", exit_code=2)["candidates"]
    assert [candidate["user_id"] for candidate in candidates] == ["u_1", "u_2"]


def test_a_refused_event_is_not_simply_unknown(database_url: str) -> None:
    """The error says where its line stood and why it was refused."""
    store(database_url, signup(event_timestamp="2025-11-01"), exit_code=3)
    for args in (["signup"], ["signup", "--user", "u_1"]):
        message = audit(database_url, *args, exit_code=4)["error"]["message"]
        assert "standard input, line 1: bad_value: event_timestamp: must be RFC 3339" in message
    assert "refused" not in audit(database_url, "signup", "--user", "u_2", exit_code=4)["error"]["message"]


def test_another_users_event_is_hinted_at(database_url: str) -> None:
    """Who names the wrong user is told that the id exists."""
    store(database_url, signup())
    message = audit(database_url, "signup", "--user", "u_2", exit_code=4)["error"]["message"]
    assert "there is no event signup of user u_2, but other users have one" in message


def test_a_conflicting_line_is_shown_with_the_event(database_url: str) -> None:
    """The event stays as it was first stored, and the refused line is told beside it."""
    store(database_url, signup(user_traits={}))
    store(database_url, signup(), exit_code=3)
    found = audit(database_url, "signup")
    (kept,) = found["rejects"]
    assert found["event"]["user_traits"] == {}
    assert kept["reason"] == "conflicting_duplicate"
    assert "user_traits.marketing_opt_in" in kept["detail"]


def test_a_historical_request(database_url: str) -> None:
    """It is a request, marked as never handed on."""
    store(database_url, signup(), options=("--backfill",))
    (decision,) = audit(database_url, "signup")["decisions"]
    assert (decision["outcome"], decision["historical"]) == ("requested", True)


@pytest.mark.parametrize("text", ["version: 2\nrules: []\n", "{", ""])
def test_rules_that_can_no_longer_be_read(database_url: str, text: str) -> None:
    """What was decided is still told, without conditions, and a note says so."""
    store(database_url, failed_payment())
    change(database_url, "UPDATE rules_versions SET text = :text", text=text)
    found = audit(database_url, "payment")
    (decision,) = found["decisions"]
    assert (decision["rule"], decision["outcome"]) == ("insufficient_funds", "requested")
    assert decision["conditions"] == []
    assert "cannot be read by this program" in found["notes"][0]


def test_a_blocking_request_that_is_gone(database_url: str) -> None:
    """The suppression still says what blocked it, in its own words."""
    store(database_url, failed_payment(), AGAIN)
    change(database_url, "DELETE FROM send_requests")
    decision = decisions(database_url, "again")["insufficient_funds"]
    assert "already sent today at 13:00Z (event payment)" in decision["reason"]
    assert decision["blocked_by"] == {"send_request_id": None, "event_id": None, "event_timestamp": None}


def test_a_blocking_event_that_is_gone(database_url: str) -> None:
    """The request remains, without its event's id."""
    store(database_url, failed_payment(), AGAIN)
    change(database_url, "DELETE FROM events WHERE event_key = 'payment'")
    blocked_by = decisions(database_url, "again")["insufficient_funds"]["blocked_by"]
    assert blocked_by == {"send_request_id": 1, "event_id": None, "event_timestamp": "2025-11-01T13:00:00Z"}


def test_a_fact_that_is_gone(database_url: str) -> None:
    """What was requested stays requested; the condition is shown as it is now, and a note says that facts changed."""
    store(database_url, signup(), link())
    change(database_url, "DELETE FROM events WHERE event_key = 'signup'")
    decision = decisions(database_url, "link")["bank_link_nudge"]
    assert (decision["outcome"], decision["conditions"][0]["held"]) == ("requested", False)
    assert "signup_completed signup came 2 h before" in decision["reason"]
    assert "changed since" in decision["notes"][0]


def test_a_decision_that_is_gone(database_url: str) -> None:
    """It is not made up: the conditions hold, and the answer says that the decision is missing."""
    store(database_url, signup())
    change(database_url, "DELETE FROM send_requests")
    decision = decisions(database_url, "signup")["welcome_email"]
    assert (decision["outcome"], decision["reason_code"]) == ("not_matched", None)
    assert "the decision is not in the database" in decision["reason"]

"""`mmsg audit --user USER --template T`: one true answer to "why did, or didn't, they get it?"."""

from pathlib import Path
from typing import Any

import pytest

from marketing_cli.services import audit_template
from support.auditing import audit, audit_page, change, failed_payment, link, nudge_rules, rules_file, signup, store
from support.events import make_event
from support.ingesting import run_here

NUDGE = "BANK_LINK_NUDGE_SMS"
SIGNUP = "signup_completed signup of 2025-11-01T10:00:00Z did not match: "
LINK = "link_bank_success link of 2025-11-01T12:00:00Z did not match: "
PAYMENT = "payment_failed payment of 2025-11-01T13:00:00Z did not match: "
LINKED = make_event(event_id="linked", event_type="linked", event_timestamp="2025-11-01T12:00:00Z")
SIGNED_UP = make_event(event_id="signed_up", event_type="signed_up", event_timestamp="2025-11-01T10:00:00Z")


def answer(url: str, template: str, *args: str | Path, user: str = "u_1") -> Any:
    """The answer for a user, u_1 if not said."""
    return audit(url, "--user", user, "--template", template, *args)


def test_it_was_requested(database_url: str) -> None:
    """Which event, when, and why."""
    store(database_url, signup())
    found = answer(database_url, "WELCOME_EMAIL")
    assert (found["answer"], found["reason_code"], found["requests"]) == ("requested", None, 1)
    assert found["reason"].startswith(
        "Yes: WELCOME_EMAIL was requested for u_1 for signup_completed signup of 2025-11-01T10:00:00Z, decided at 20"
    )
    assert found["reason"].endswith("Z: welcome_email matched: user_traits.marketing_opt_in is true.")


def test_it_was_requested_and_suppressed(database_url: str) -> None:
    """How often each, and what blocked it last; all of it is in what was considered, by event time."""
    hours = [13, 14, 15]
    same_day = [failed_payment(event_id=f"p{h}", event_timestamp=f"2025-11-01T{h}:00:00Z") for h in hours]
    next_day = failed_payment(event_id="next", event_timestamp="2025-11-02T10:00:00Z")
    other = failed_payment(event_id="other", event_timestamp="2025-11-03T10:00:00Z", properties={})
    store(database_url, *same_day, next_day, other)
    found = answer(database_url, "INSUFFICIENT_FUNDS_EMAIL")
    assert (found["answer"], found["requests"], found["suppressions"]) == ("requested", 2, 2)
    assert "requested for u_1 2 times, last for payment_failed next of 2025-11-02T10:00:00Z" in found["reason"]
    assert found["reason"].endswith(
        "It was also suppressed 2 times, last: skipped INSUFFICIENT_FUNDS_EMAIL: already sent today at 13:00Z"
        " (event p13)."
    )
    assert [(considered["event_id"], considered["outcome"]) for considered in found["considered"]] == [
        ("p13", "requested"),
        ("p14", "suppressed"),
        ("p15", "suppressed"),
        ("next", "requested"),
        ("other", "not_matched"),
    ]


def test_it_came_from_an_archive(database_url: str) -> None:
    """Due, but never handed on; a real request afterwards is the answer then."""
    store(database_url, failed_payment(), options=("--backfill",))
    found = answer(database_url, "INSUFFICIENT_FUNDS_EMAIL")
    assert (found["answer"], found["reason_code"]) == ("historical", None)
    assert "historical: it uses up the limit and is never sent" in found["reason"]
    store(database_url, failed_payment(event_id="older", event_timestamp="2025-10-01T13:00:00Z"))
    found = answer(database_url, "INSUFFICIENT_FUNDS_EMAIL")
    assert (found["answer"], found["requests"]) == ("requested", 2)
    assert "was requested for u_1 for payment_failed older" in found["reason"]


def test_only_a_suppression_is_left(database_url: str) -> None:
    """Where the request itself was deleted, the suppression answers."""
    again = failed_payment(event_id="again", event_timestamp="2025-11-01T14:00:00Z")
    store(database_url, failed_payment(), again)
    change(database_url, "DELETE FROM send_requests")
    change(database_url, "DELETE FROM events WHERE event_key = 'payment'")
    found = answer(database_url, "INSUFFICIENT_FUNDS_EMAIL")
    assert (found["answer"], found["reason_code"]) == ("not_requested", "daily_cap_reached")


@pytest.mark.parametrize(
    ("template", "events", "code", "because"),
    [
        (
            "WELCOME_EMAIL",
            [signup(user_traits={"marketing_opt_in": False})],
            "condition_false",
            SIGNUP + "user_traits.marketing_opt_in equals true: found false",
        ),
        (
            "HIGH_RISK_ALERT",
            [failed_payment(properties={"attempt_number": "many"})],
            "value_not_comparable",
            PAYMENT + 'properties.attempt_number gte 3: found "many", which cannot be compared with that',
        ),
        (
            NUDGE,
            [link()],
            "prior_event_missing",
            LINK + "no signup_completed of this user is known",
        ),
        (
            NUDGE,
            [signup(event_timestamp="2025-10-31T09:50:00Z"), link()],
            "prior_event_outside_window",
            LINK + "signup_completed signup came 26 h 10 m before; 24h allowed",
        ),
        (
            NUDGE,
            [signup()],
            "no_trigger_event",
            "only link_bank_success leads to it, and no such event of this user is known, stored or refused",
        ),
    ],
)
def test_it_was_not_requested(
    database_url: str, template: str, events: list[dict[str, Any]], code: str, because: str
) -> None:
    """One sentence that says what was missing."""
    store(database_url, *events)
    found = answer(database_url, template)
    assert (found["answer"], found["reason_code"], found["requests"]) == ("not_requested", code, 0)
    assert found["reason"] == f"No: {template} was not requested for u_1, because {because}."
    assert found["notes"] == []


def test_the_closest_miss(database_url: str) -> None:
    """Of several events that did not match, the one that came nearest to it."""
    store(
        database_url,
        signup(event_timestamp="2025-10-01T00:00:00Z"),
        link(event_id="l0", event_timestamp="2025-09-01T00:00:00Z"),
        link(event_id="l1", event_timestamp="2025-10-05T00:00:00Z"),
        link(event_id="l2", event_timestamp="2025-10-02T02:10:00Z"),
        link(event_id="l3", event_timestamp="2025-10-09T00:00:00Z"),
    )
    found = answer(database_url, NUDGE)
    assert "none of 4 events led to it; nearest was link_bank_success l2 of 2025-10-02T02:10:00Z" in found["reason"]
    assert "came 26 h 10 m before; 24h allowed" in found["reason"]


def test_fewer_failed_conditions_are_nearer_than_a_smaller_gap(database_url: str, tmp_path: Path) -> None:
    """What failed one condition by far comes before what failed two narrowly."""
    more = "      - {field: properties.bank, exists: true}\n"
    near = LINKED | {"event_id": "near", "event_timestamp": "2025-11-02T10:01:00Z"}
    far = LINKED | {"event_id": "far", "event_timestamp": "2025-12-01T00:00:00Z", "properties": {"bank": "x"}}
    rules = nudge_rules(tmp_path, more=more)
    store(database_url, SIGNED_UP, near, far, options=("--rules", rules))
    assert "nearest was linked far" in answer(database_url, "NUDGE", "--rules", rules)["reason"]


def test_the_trigger_was_refused(database_url: str) -> None:
    """File, line and reason, and what to do; once it is mended, the answer is another."""
    store(database_url, link(event_timestamp="today"), signup(), exit_code=3)
    found = answer(database_url, NUDGE)
    assert (found["answer"], found["reason_code"]) == ("not_requested", "trigger_rejected")
    assert "(standard input, line 1: bad_value: event_timestamp: must be RFC 3339" in found["reason"]
    assert found["considered"] == []
    store(database_url, link())
    assert answer(database_url, NUDGE)["answer"] == "requested"


def test_the_prior_event_was_refused(database_url: str) -> None:
    """The condition failed, and a note names the line that may be the cause, until it is mended."""
    store(database_url, signup(event_timestamp="today"), link(), exit_code=3)
    found = answer(database_url, NUDGE)
    assert found["reason_code"] == "prior_event_missing"
    (note,) = found["notes"]
    assert note.startswith("A signup_completed of this user was refused and might have changed the answer: standard")
    store(database_url, signup(event_timestamp="2025-10-01T00:00:00Z"))
    assert answer(database_url, NUDGE)["notes"] == []


def test_a_refused_line_without_an_id_may_have_been_mended(database_url: str) -> None:
    """Which event it became cannot be known, so the note stays, and says that."""
    store(database_url, signup(event_id=None, event_timestamp="2025-10-01T00:00:00"), link(), exit_code=3)
    store(database_url, signup(event_id=None, event_timestamp="2025-10-01T00:00:00Z"))
    found = answer(database_url, NUDGE)
    assert found["reason_code"] == "prior_event_outside_window"
    (note,) = found["notes"]
    assert note.endswith(". It has no legible id, so whether it was mended and came again cannot be told.")
    store(database_url, link(event_id=None, event_timestamp="2025-12-01T00:00:00"), exit_code=3)
    assert answer(database_url, NUDGE)["reason_code"] == "prior_event_outside_window"


def test_a_conflicting_line_may_be_the_cause(database_url: str) -> None:
    """The event is stored, but with other contents than in the refused line."""
    store(database_url, signup(user_traits={}))
    store(database_url, signup(), exit_code=3)
    found = answer(database_url, "WELCOME_EMAIL")
    assert found["reason_code"] == "condition_false"
    assert "conflicting_duplicate" in found["notes"][0]


def test_many_refused_lines_are_counted(database_url: str) -> None:
    """Three are told, the others and those without a type are counted."""
    bad = [link(event_id=f"l{number}", event_timestamp="today") for number in range(6)]
    store(database_url, *bad, link(event_type=7), exit_code=3)
    found = answer(database_url, NUDGE)
    assert found["reason_code"] == "trigger_rejected"
    assert [note.split()[0] for note in found["notes"]] == ["A", "A", "A", "2", "1"]


@pytest.mark.parametrize("prior", [True, False])
def test_the_rule_was_disabled_when_the_event_came(database_url: str, tmp_path: Path, prior: bool) -> None:
    """No rule looked; the answer also says what it would have seen."""
    off, on = nudge_rules(tmp_path, "off", enabled=False), nudge_rules(tmp_path, "on")
    store(database_url, *([SIGNED_UP] if prior else []), LINKED, options=("--rules", off))
    found = answer(database_url, "NUDGE", "--rules", on)
    assert found["reason_code"] == "rule_disabled"
    assert (
        "linked linked of 2025-11-01T12:00:00Z was not looked at: the rule nudge, which asks for NUDGE,"
        in found["reason"]
    )
    assert "was disabled when this event arrived, with run 1" in found["reason"]
    assert ("otherwise all conditions would have held" in found["reason"]) is prior
    assert [considered["reason_code"] for considered in found["considered"]] == ["rule_disabled"]
    assert found["considered"][0]["conditions"][0]["held"] is prior


def test_the_rule_was_not_there_when_the_event_came(database_url: str, tmp_path: Path) -> None:
    """A rule of today did not look at the events of yesterday."""
    store(database_url, SIGNED_UP, LINKED)
    found = answer(database_url, "NUDGE", "--rules", nudge_rules(tmp_path))
    assert found["reason_code"] == "rule_disabled"
    assert "no rule on linked asked for NUDGE when this event arrived, with run 1" in found["reason"]
    assert [considered["rules_sha256"] for considered in found["considered"]] == [found["rules"]["sha256"]]
    assert found["rules"]["source"] == str(tmp_path / "nudge.yaml")


def test_an_earlier_rule_that_was_not_there_when_the_event_came(database_url: str, tmp_path: Path) -> None:
    """An event is measured by a rule that came and went after it: that rule's version is named."""
    store(database_url, SIGNED_UP, LINKED)
    between = store(database_url, signup(), options=("--rules", nudge_rules(tmp_path)))
    found = answer(database_url, "NUDGE")
    assert found["reason_code"] == "rule_disabled"
    assert [each["rules_sha256"] for each in found["considered"]] == [between["rules"]["sha256"]]
    assert between["rules"]["sha256"] != found["rules"]["sha256"]


def test_the_rule_is_no_longer_there(database_url: str, tmp_path: Path) -> None:
    """What it made of events is still told, and a note says that it is gone, or disabled."""
    store(database_url, LINKED, options=("--rules", nudge_rules(tmp_path)))
    found = answer(database_url, "NUDGE")
    assert found["reason_code"] == "prior_event_missing"
    assert found["notes"] == ["No rule in force now asks for NUDGE; earlier rules did."]
    found = answer(database_url, "NUDGE", "--rules", nudge_rules(tmp_path, "off", enabled=False))
    assert found["notes"] == ["In the rules in force now, what asks for NUDGE is disabled."]


def test_no_rule_was_in_force_when_the_fact_came(database_url: str, tmp_path: Path) -> None:
    """The nearest of all: every condition holds now."""
    rules = nudge_rules(tmp_path)
    store(database_url, LINKED, options=("--rules", rules))
    store(database_url, SIGNED_UP)
    found = answer(database_url, "NUDGE", "--rules", rules)
    assert found["reason_code"] == "rule_not_in_force"
    assert "arrived only with run 2, whose rules had no such rule in force" in found["reason"]


def test_a_decision_on_a_deleted_event(database_url: str) -> None:
    """The request still answers; of its event only the time is known."""
    store(database_url, signup())
    change(database_url, "DELETE FROM events")
    found = answer(database_url, "WELCOME_EMAIL")
    assert found["answer"] == "requested"
    assert "for an event of 2025-11-01T10:00:00Z that is no longer stored" in found["reason"]
    (considered,) = found["considered"]
    assert (considered["event_id"], considered["conditions"]) == (None, [])
    assert "no longer stored" in audit_page(database_url, "--user", "u_1", "--template", "WELCOME_EMAIL")


def test_a_template_asked_for_by_several_rules(database_url: str, tmp_path: Path) -> None:
    """Each event is measured by the rules on its type; the nearest of all is told."""
    rules = rules_file(
        tmp_path,
        "name: a, on: linked, when: [{field: properties.x, exists: true}, {field: properties.y, exists: true}],"
        " message: {template: T, channel: sms}, limit: none",
        "name: b, on: signed_up, when: [{field: properties.z, exists: true}],"
        " message: {template: T, channel: sms}, limit: none",
        "name: c, on: signed_up, message: {template: OTHER, channel: sms}, limit: none",
    )
    store(database_url, SIGNED_UP, LINKED, options=("--rules", rules))
    found = answer(database_url, "T", "--rules", rules)
    assert [considered["rule"] for considered in found["considered"]] == ["b", "a"]
    assert "nearest was signed_up signed_up" in found["reason"]


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("WELCOME", "Did you mean WELCOME_EMAIL?"),
        ("welcome_email", "Did you mean WELCOME_EMAIL?"),
        ("X", "The rules know"),
    ],
)
def test_a_template_that_no_rules_know(database_url: str, template: str, hint: str) -> None:
    """Is a mistake in the question, with the nearest name."""
    store(database_url, signup())
    done = run_here("audit", "--user", "u_1", "--template", template, url=database_url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"no rule asks for the template {template}, nor did one before. {hint}" in done.stderr


def test_rules_that_can_no_longer_be_read(database_url: str) -> None:
    """A note says so; what was requested is still told, what did not match cannot be."""
    store(database_url, signup(), link())
    change(database_url, "UPDATE rules_versions SET text = 'WELCOME_EMAIL'")
    found = answer(database_url, "WELCOME_EMAIL")
    assert found["answer"] == "requested"
    assert "cannot be read by this program" in found["notes"][0]
    change(database_url, "DELETE FROM send_requests")
    found = answer(database_url, "WELCOME_EMAIL")
    assert (found["answer"], found["reason_code"]) == ("not_requested", None)
    assert "cannot be told" in found["reason"]


def test_many_events_are_not_all_looked_at(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are, with a note; the counts are of all."""
    monkeypatch.setattr(audit_template, "MOST_EVENTS", 2)
    days = [failed_payment(event_id=f"p{day}", event_timestamp=f"2025-11-0{day}T10:00:00Z") for day in range(1, 6)]
    store(database_url, *days)
    found = answer(database_url, "INSUFFICIENT_FUNDS_EMAIL")
    assert [considered["event_id"] for considered in found["considered"]] == ["p4", "p5"]
    assert found["requests"] == 5
    assert found["notes"] == ["Only the newest 2 events were looked at; there are more."]
    found = answer(database_url, "HIGH_RISK_ALERT")
    assert "none of 2 events led to it; nearest was payment_failed p5" in found["reason"]

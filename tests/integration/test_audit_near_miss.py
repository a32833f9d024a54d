"""What `mmsg audit` says would have led to a request: done in a second database, it does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.auditing import audit, audit_page, link, nudge_rules, rules_file, signup, store
from support.events import make_event

LINKED = make_event(event_id="linked", event_type="linked", event_timestamp="2025-11-01T12:00:00Z")
SIGNED_UP = make_event(event_id="signed_up", event_type="signed_up", event_timestamp="2025-11-01T10:00:00Z")
NONE = "no single change would have led to a request: "
MakeDatabase = Callable[[], str]


def near_miss(url: str, event_id: str = "linked", *args: str) -> Any:
    """The one decision on an event: its code, and what would have changed it."""
    (decision,) = audit(url, event_id, *args)["decisions"]
    return decision["reason_code"], decision["near_miss"]


def requested(url: str, event_id: str = "linked") -> bool:
    """Whether the one rule on the event requested its message."""
    (decision,) = audit(url, event_id)["decisions"]
    return bool(decision["outcome"] == "requested")


@pytest.mark.parametrize("second", ["disabled", "another"])
def test_a_fact_that_came_while_no_such_rule_was_in_force(
    make_database: MakeDatabase, tmp_path: Path, second: str
) -> None:
    """Had it arrived first, the message would have been requested; also when another event used the limit later."""
    rules = "--rules", nudge_rules(tmp_path)
    others = ("--rules", nudge_rules(tmp_path, "disabled", enabled=False)) if second == "disabled" else ()
    later = LINKED | {"event_id": "linked_2"}
    url, changed = make_database(), make_database()
    store(url, LINKED, options=rules)
    store(url, SIGNED_UP, options=others)
    told = "rule_not_in_force", "would have been requested if signed_up signed_up had arrived first"
    assert near_miss(url) == told
    store(url, later, options=rules)
    assert requested(url, "linked_2")
    assert near_miss(url) == told
    assert told[1] in audit_page(url, "linked")
    store(changed, SIGNED_UP, options=others)
    store(changed, LINKED, options=rules)
    store(changed, later, options=rules)
    assert requested(changed)


def test_a_fact_that_came_while_no_such_rule_was_in_force_and_the_limit_was_used_up(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """It need not have arrived first: nothing would have been requested then, either."""
    rules = "--rules", nudge_rules(tmp_path, within="3h")
    disabled = "--rules", nudge_rules(tmp_path, "disabled", enabled=False)
    before = [event | {"event_id": f"{event['event_id']}_0", "event_timestamp": moment}
              for event, moment in ((SIGNED_UP, "2025-10-01T10:00:00Z"), (LINKED, "2025-10-01T11:00:00Z"))]  # fmt: skip
    url, changed = make_database(), make_database()
    store(url, *before, LINKED, options=rules)
    store(url, SIGNED_UP, options=disabled)
    assert near_miss(url) == ("rule_not_in_force", f"{NONE}the rule was not in force, and its limit is used up")
    store(changed, *before, SIGNED_UP, LINKED, options=rules)
    assert not requested(changed)


def considered(url: str, *rules: str | Path) -> tuple[Any, Any]:
    """Of the one event that could have led to the message: why not, and what would have."""
    (one,) = audit(url, "--user", "u_1", "--template", "NUDGE", *rules)["considered"]
    return one["reason_code"], one["near_miss"]


def test_a_rule_that_was_disabled(make_database: MakeDatabase, tmp_path: Path) -> None:
    """Had it been in force when the event arrived, its message would have been requested."""
    enabled, disabled = nudge_rules(tmp_path), nudge_rules(tmp_path, "disabled", enabled=False)
    url, changed = make_database(), make_database()
    store(url, SIGNED_UP, LINKED, options=("--rules", disabled))
    told = "rule_disabled", "would have been requested with the rule nudge in force when the event arrived"
    assert considered(url, "--rules", disabled) == considered(url, "--rules", enabled) == told
    store(changed, SIGNED_UP, options=("--rules", disabled))
    store(changed, LINKED, options=("--rules", enabled))
    assert requested(changed)


def test_a_rule_that_did_not_exist(make_database: MakeDatabase, tmp_path: Path) -> None:
    """It is measured by the rules of now."""
    url = make_database()
    store(url, SIGNED_UP, LINKED)
    assert considered(url, "--rules", nudge_rules(tmp_path)) == (
        "rule_disabled", "would have been requested with the rule nudge in force when the event arrived",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([LINKED], "a condition failed"),
        ([SIGNED_UP, LINKED], "its limit is used up"),
    ],
)
def test_a_rule_that_was_disabled_and_would_not_have_requested(
    make_database: MakeDatabase, tmp_path: Path, events: list[Any], why: str
) -> None:
    """To put it in force would not have been enough."""
    enabled, disabled = nudge_rules(tmp_path), nudge_rules(tmp_path, "disabled", enabled=False)
    url = make_database()
    if why == "its limit is used up":
        old = make_event(event_id="old", event_type="old", event_timestamp="2025-10-01T10:00:00Z")
        once = rules_file(tmp_path, "name: o, on: old, message: {template: NUDGE, channel: sms}, limit: once_ever")
        store(url, old, options=("--rules", once))
    store(url, *events, options=("--rules", disabled))
    answer = audit(url, "--user", "u_1", "--template", "NUDGE", "--rules", enabled)
    (one,) = [one for one in answer["considered"] if one["event_id"] == "linked"]
    assert (one["reason_code"], one["near_miss"]) == ("rule_disabled", f"{NONE}the rule was not in force, and {why}")


CAPPED = "name: r, on: t, when: [{field: properties.x, gte: 3}], message: {template: T, channel: sms}, limit: "
PRIOR = "name: r, on: t, when: [{prior_event: s, within: 1h}], message: {template: T, channel: sms}, limit: "


def t(number: int, moment: str, **properties: Any) -> dict[str, Any]:
    """An event of the rules above."""
    return make_event(
        event_id=f"t{number}", event_type="t", event_timestamp=f"2025-11-{moment}:00Z", properties=properties
    )


def s(number: int, moment: str) -> dict[str, Any]:
    """A prior event of the rules above."""
    return make_event(event_id=f"s{number}", event_type="s", event_timestamp=f"2025-11-{moment}:00Z")


STORIES: dict[str, tuple[str, list[Any], str, str, list[Any] | None]] = {
    "a request that came later was not in its way": (
        CAPPED + "once_ever",
        [t(1, "01T10:00", x=2), t(2, "01T09:00", x=3)],
        "t1",
        "would have been requested with properties.x 3",
        [t(1, "01T10:00", x=3), t(2, "01T09:00", x=3)],
    ),
    "one that came before was": (
        CAPPED + "once_ever",
        [t(2, "01T11:00", x=3), t(1, "01T10:00", x=2)],
        "t1",
        f"{NONE}one condition failed, and the limit of T is used up",
        None,
    ),
    "the next free day has a prior event of its own": (
        PRIOR + "once_per_calendar_day",
        [s(1, "01T10:00"), s(2, "01T15:00"), s(3, "02T09:00"), t(1, "01T10:10"), t(2, "01T10:20")],
        "t2",
        "next possible from 2025-11-02T09:00Z",
        [s(1, "01T10:00"), s(2, "01T15:00"), s(3, "02T09:00"), t(1, "01T10:10"), t(2, "02T09:00")],
    ),
    "only an earlier day is free": (
        PRIOR + "once_per_calendar_day",
        [s(0, "01T23:30"), s(1, "02T00:20"), t(1, "02T00:30"), t(2, "02T00:40")],
        "t2",
        "would have been requested if the event itself had come 40 m 1 µs earlier, at 2025-11-01T23:59:59.999999Z",
        [s(0, "01T23:30"), s(1, "02T00:20"), t(1, "02T00:30"), t(2, "01T23:59")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_stories(make_database: MakeDatabase, tmp_path: Path, name: str) -> None:
    """The sentence, and that what it says leads to a request when the same things happen with the change made."""
    rule, events, asked, told, changed = STORIES[name]
    rules = "--rules", rules_file(tmp_path, rule)
    url, other = make_database(), make_database()
    store(url, *events, options=rules)
    assert not requested(url, asked)
    assert near_miss(url, asked)[1] == told
    if changed is not None:
        store(other, *changed, options=rules)
        assert requested(other, asked)


SAME = "name: r0, on: t, message: {template: T, channel: sms}, limit: "
SAME_X = "name: r1, on: t, when: [{field: properties.x, equals: 1}], message: {template: T, channel: sms}, limit: "


@pytest.mark.parametrize("limit", ["once_ever", "once_per_calendar_day", "none"])
def test_a_rule_earlier_in_the_file_takes_the_limit(make_database: MakeDatabase, tmp_path: Path, limit: str) -> None:
    """With the condition met, the other rule of the template would still have come first, for the same event."""
    rules = "--rules", rules_file(tmp_path, SAME + limit, SAME_X + limit)
    url, changed = make_database(), make_database()
    store(url, t(1, "01T10:00", x=2), options=rules)
    first, second = audit(url, "t1")["decisions"]
    assert (first["outcome"], first["near_miss"]) == ("requested", None)
    assert second["near_miss"] == f"{NONE}one condition failed, and the limit of T is used up"
    store(changed, t(1, "01T10:00", x=1), options=rules)
    assert [one["outcome"] for one in audit(changed, "t1")["decisions"]] == ["requested", "suppressed"]


def test_another_event_would_take_the_limit_with_the_same_change(make_database: MakeDatabase) -> None:
    """The signup is told to come so late that the first bank link does not use up what the second one needs."""
    links = [link(event_id=f"l{n}", event_timestamp=f"2025-11-02T1{n + 1}:00:00Z") for n in (1, 2)]
    early, late = signup(), signup(event_timestamp="2025-11-02T12:00:00.000001Z")
    url, changed = make_database(), make_database()
    store(url, early, *links)
    (first,), (second,) = (audit(url, key)["decisions"] for key in ("l1", "l2"))
    assert first["near_miss"] == "would have been requested if signup_completed signup had come 2 h later"
    assert second["near_miss"] == "would have been requested if signup_completed signup had come 26 h 1 µs later"
    store(changed, late, *links)
    assert [audit(changed, key)["decisions"][0]["outcome"] for key in ("l1", "l2")] == ["not_matched", "requested"]


def test_an_added_event_is_told_with_the_moment_that_does(make_database: MakeDatabase) -> None:
    """Any moment from the one that is told on leads to a request, since it arrives after what it could serve first."""
    links = [link(event_id=f"l{n}", event_timestamp=f"2025-11-02T1{n + 1}:00:00Z") for n in (1, 2)]
    told = "would have been requested if a signup_completed had come in the 24h before, at "
    url = make_database()
    store(url, *links)
    assert near_miss(url, "l2")[1] == f"{told}2025-11-02T12:00:00.000001Z or later"
    for moment in ("2025-11-02T12:00:00.000001Z", "2025-11-02T13:00:00Z"):
        changed = make_database()
        store(changed, links[0], signup(event_timestamp=moment), links[1])
        assert requested(changed, "l2")


@pytest.mark.parametrize(
    ("most", "why"),
    [
        ("MOST_ARRIVALS", "3 events of the user bear on T, and with more than 2 it takes too long"),
        ("MOST_EVENTS", "the user has more than 2 events"),
        ("MOST_DECIDED", "it takes too long to decide all again"),
    ],
)
def test_of_a_user_with_too_long_a_past_it_says_so(
    make_database: MakeDatabase, tmp_path: Path, most: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not looked through may hold the answer; what needs no past is told all the same."""
    url = make_database()
    alone = "name: q, on: t, when: [{field: properties.x, gte: 3}], message: {template: Q, channel: sms}, limit: none"
    rules = "--rules", rules_file(tmp_path, PRIOR + "none", alone)
    store(url, s(1, "01T10:00"), t(1, "01T10:30"), t(2, "01T13:00"), options=rules)
    told = [one["near_miss"] for one in audit(url, "t2")["decisions"]]
    assert told == [
        "would have been requested if s s1 had come 2 h later",
        "would have been requested with properties.x 3",
    ]
    monkeypatch.setattr(f"marketing_cli.services.audit_again.{most}", 2)
    if most == "MOST_DECIDED":
        monkeypatch.setattr(f"marketing_cli.services.audit_near_miss.{most}", 2)
    again = [one["near_miss"] for one in audit(url, "t2")["decisions"]]
    assert again[0].startswith(f"not worked out: {why}")
    if most != "MOST_DECIDED":
        assert again[1] == told[1]
    else:
        assert again[1].startswith("not worked out: ")


def test_of_a_user_with_a_long_past_the_fields_are_told_all_the_same(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored of the day is enough to know whether another value would have been enough."""
    url = make_database()
    events = [t(1, "01T10:00", x=3), t(2, "01T11:00", x=2), t(3, "02T10:00", x=2), t(4, "01T12:00", x=3)]
    store(url, *events, options=("--rules", rules_file(tmp_path, f"{CAPPED}once_per_calendar_day")))
    monkeypatch.setattr("marketing_cli.services.audit_again.MOST_ARRIVALS", 2)
    assert [near_miss(url, key)[1] for key in ("t2", "t3")] == [
        f"{NONE}one condition failed, and the limit of T is used up",
        "would have been requested with properties.x 3",
    ]
    code, told = near_miss(url, "t4")
    assert (code, told[:47]) == ("daily_cap_reached", "not worked out: 4 events of the user bear on T,")
    monkeypatch.setattr("marketing_cli.services.audit_again.MOST_NEAR", 0)
    assert near_miss(url, "t2")[1].startswith("not worked out: ")

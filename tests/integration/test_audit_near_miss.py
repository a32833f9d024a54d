"""What `mmsg audit` says would have led to a request: done in a second database, it does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.auditing import audit, audit_page, nudge_rules, rules_file, store
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


@pytest.mark.parametrize("most", ["MOST_PRIORS", "MOST_REQUESTS"])
def test_of_a_user_with_too_long_a_past_nothing_is_told(
    make_database: MakeDatabase, tmp_path: Path, most: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not looked through may hold the answer; the reason is there all the same."""
    url = make_database()
    rule = "--rules", rules_file(tmp_path, PRIOR + "none")
    store(url, s(1, "01T10:00"), t(1, "01T10:30"), t(2, "01T13:00"), options=rule)
    assert near_miss(url, "t2") == (
        "prior_event_outside_window",
        "would have been requested if s s1 had come 2 h later",
    )
    monkeypatch.setattr(f"marketing_cli.services.audit_near_miss.{most}", 0)
    assert near_miss(url, "t2") == ("prior_event_outside_window", None)

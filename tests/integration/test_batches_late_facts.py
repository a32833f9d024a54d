"""A fact that arrives late re-opens the stored events that waited for it: each sentence of that promise."""

from collections.abc import Iterator
from typing import Any

import pytest

from marketing_cli.models import Event, SendRequest, Suppression
from support.deciding import field, make_rule, prior
from support.events import make_event
from support.processing import Store, open_store

NUDGE = make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "24h")], limit="once_ever")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The test's database, opened to be written to."""
    with open_store(database_url) as opened:
        yield opened


def ev(key: str, event_type: str, at: str = "10:00", **more: Any) -> dict[str, Any]:
    """An event of 1 November 2025 at this time of day or, with a `T` in it, of that moment."""
    moment = at if "T" in at else f"2025-11-01T{at}:00Z"
    return make_event(event_id=key, event_type=event_type, event_timestamp=moment, **more)


LINK, SIGNUP = ev("l", "link", "12:00"), ev("s", "signup")


def test_the_nudge_is_requested_when_the_signup_arrives_in_a_later_run(store: Store) -> None:
    """For the bank link, with its moment; the reason says that the signup was late, and the row what caused it."""
    assert store.run(NUDGE).batch(LINK).decisions == []
    second = store.run(NUDGE)
    second.batch(SIGNUP)
    link, signup = store.rows(Event)
    (request,) = store.rows(SendRequest)
    assert (request.event_id, request.event_timestamp) == (link.id, link.event_timestamp)
    assert (request.caused_by_event_id, request.run_id) == (signup.id, second.id)
    assert request.reason == (
        "nudge matched: signup s came 2 h before (24h allowed); decided late, when signup s of"
        " 2025-11-01T10:00:00Z arrived"
    )
    assert request.dedup_window == "ever"


@pytest.mark.parametrize("size", [1, 2, 10])
def test_own_rules_come_first_then_re_opened_events_in_arrival_order(store: Store, size: int) -> None:
    """The arriving event's own rule gets the capped template; of those that waited, the one that came first."""
    rules = [
        make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "24h")], limit="once_per_calendar_day"),
        make_rule("NUDGE", name="hello", on="signup", limit="once_per_calendar_day"),
    ]
    next_day = [ev("l4", "link", "2025-11-02T09:00:00Z"), ev("l3", "link", "2025-11-02T08:00:00Z")]
    store.run(*rules).batches([ev("l2", "link", "13:00"), ev("l1", "link", "12:00"), *next_day], size)
    store.run(*rules).batch(SIGNUP)
    daily = "daily_cap_reached by s"
    assert store.decisions() == sorted(
        ["s hello sent", f"l2 nudge {daily}", f"l1 nudge {daily}", "l4 nudge sent by s", f"l3 nudge {daily}"]
    )
    order = [row.event_id for row in store.rows(Suppression)]
    assert order == sorted(order, key=lambda number: number or 0)


def test_a_re_opened_event_uses_up_its_own_day(store: Store) -> None:
    """Not the day of the fact, nor that of its arrival."""
    daily = make_rule("D", name="d", on="link", when=[prior("signup", "24h")], limit="once_per_calendar_day")
    run = store.run(daily)
    run.batch(ev("l1", "link", "2025-11-02T00:00:00Z"), ev("l2", "link", "23:59"))
    run.batch(ev("s", "signup", "2025-11-01T12:00:00Z"))
    assert [row.dedup_window for row in store.rows(SendRequest)] == ["day:2025-11-02", "day:2025-11-01"]
    run.batch(ev("l3", "link", "2025-11-01T13:00:00Z"), ev("l4", "link", "2025-11-02T11:00:00Z"))
    assert store.decisions() == [
        "l1 d sent by s",
        "l2 d sent by s",
        "l3 d daily_cap_reached",
        "l4 d daily_cap_reached",
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(NUDGE, NUDGE, ["l nudge sent by s"], id="the same rules"),
        pytest.param(NUDGE, NUDGE | {"enabled": False}, [], id="disabled since"),
        pytest.param(NUDGE | {"enabled": False}, NUDGE, [], id="enabled since: it did not look when the link came"),
        pytest.param(NUDGE, NUDGE | {"name": "other"}, [], id="renamed: another rule"),
        pytest.param(NUDGE, NUDGE | {"on": "other"}, [], id="on another type since"),
        pytest.param(NUDGE | {"on": "other"}, NUDGE, [], id="on another type then"),
        pytest.param(NUDGE, NUDGE | {"when": [prior("signup", "1h")]}, [], id="a narrower window now"),
        pytest.param(NUDGE | {"when": [prior("signup", "1h")]}, NUDGE, ["l nudge sent by s"], id="a wider window now"),
        pytest.param(
            NUDGE | {"when": [prior("other", "1h")]}, NUDGE, ["l nudge sent by s"], id="it waits for another type now"
        ),
        pytest.param(NUDGE, NUDGE | {"when": []}, [], id="it waits for nothing now"),
        pytest.param(
            NUDGE,
            NUDGE | {"when": [prior("signup", "24h"), field("properties.n", "gte", 3)]},
            [],
            id="a field decides now",
        ),
        pytest.param(
            NUDGE | {"when": [prior("signup", "24h"), field("properties.n", "gte", 3)]},
            NUDGE,
            ["l nudge sent by s"],
            id="a field decided then",
        ),
        pytest.param(
            NUDGE,
            make_rule("NEW", name="nudge", on="link", when=[prior("signup", "24h")]),
            ["l nudge sent by s"],
            id="another template now",
        ),
    ],
)
def test_the_rules_of_the_run_that_brings_the_fact_decide(
    store: Store, first: dict[str, Any], second: dict[str, Any], expected: list[str]
) -> None:
    """If they have an enabled rule of that name on that type, and one of that name looked when the event came."""
    store.run(first).batch(LINK)
    store.run(second).batch(SIGNUP)
    assert store.decisions() == expected
    for row in store.rows(SendRequest):
        assert row.template_name == second["message"]["template"]


def test_what_a_run_without_the_rule_brought_is_a_fact_but_opens_nothing(store: Store) -> None:
    """A later fact opens the event, and then all facts count."""
    both = NUDGE | {"when": [prior("signup", "24h"), prior("verified", "24h")]}
    store.run(both).batch(LINK)
    store.run(both | {"enabled": False}).batch(SIGNUP)
    assert store.decisions() == []
    store.run(both).batch(ev("v", "verified"))
    assert store.decisions() == ["l nudge sent by v"]


@pytest.mark.parametrize("outcome", ["sent", "already_sent_once_ever"])
def test_an_event_that_the_rule_has_decided_stays_decided(store: Store, outcome: str) -> None:
    """Whether it was requested or suppressed, no later fact and no other version of the rule decides it again."""
    run = store.run(NUDGE)
    if outcome != "sent":
        run.batch(ev("s0", "signup", "08:00"), ev("l0", "link", "09:00"))
    run.batch(LINK, SIGNUP)
    decided = store.decisions()
    assert any(text.startswith(f"l nudge {outcome}") for text in decided)
    run.batch(ev("s2", "signup", "11:00"))
    store.run(NUDGE | {"limit": "none"}).batch(ev("s3", "signup", "11:30"))
    assert store.decisions() == decided


def test_a_fact_that_does_not_suffice_leaves_the_event_waiting(store: Store) -> None:
    """It is decided by the arrival of the last fact that it needs, in whatever run."""
    both = make_rule("B", name="both", when=[prior("x", "1h"), prior("y", "2h")])
    for event in (ev("a", "payment_failed", "12:00"), ev("x", "x", "11:00"), ev("y0", "y", "09:59")):
        store.run(both).batch(event)
    assert store.decisions() == []
    store.run(both).batch(ev("y", "y", "10:00"))
    assert store.decisions() == ["a both sent by y"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-10-31T12:00:00Z", ["l nudge sent by s"]),
        ("2025-10-31T11:59:59.999999Z", []),
        ("2025-10-31T11:59:59.999Z", []),
        ("2025-11-01T12:00:00Z", ["l nudge sent by s"]),
        ("2025-11-01T12:00:00.000001Z", []),
        ("2025-11-01T12:00:00.001Z", []),
        ("2025-11-01T17:45:00+05:45", ["l nudge sent by s"]),
        ("2025-11-01T17:45:00.000001+05:45", []),
    ],
)
@pytest.mark.parametrize("late", [True, False])
def test_both_edges_of_the_window_in_the_database(store: Store, at: str, expected: list[str], late: bool) -> None:
    """To the microsecond, whichever of the two is stored first."""
    signup = ev("s", "signup", at)
    for event in (LINK, signup) if late else (signup, LINK):
        store.run(NUDGE).batch(event)
    assert store.decisions() == [text if late else text.removesuffix(" by s") for text in expected]


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_same_type_events_of_one_moment_find_each_other(store: Store, size: int) -> None:
    """In one batch or in several, each is the other's prior event and none its own."""
    again = make_rule("A", name="again", when=[prior("payment_failed", "1h")])
    events = [ev(key, "payment_failed", at) for key, at in [("c", "10:30"), ("a", "10:00"), ("b", "10:00")]]
    lonely = [ev(key, "payment_failed", "12:30", user_id=key) for key in ("d", "e", "f")]
    store.run(again).batches([*events, *lonely], size)
    assert store.decisions() == ["a again sent by b", "b again sent", "c again sent by a"]


@pytest.mark.parametrize("known", ["10:00", "10:30", "11:00"])
@pytest.mark.parametrize("first", [True, False])
def test_a_stored_event_is_not_its_own_prior_event_either(store: Store, known: str, first: bool) -> None:
    """When a fact of another type re-opens it, it does not hide the stored one of its own type, nor stand in for it."""
    both = make_rule("B", name="both", when=[prior("payment_failed", "30m"), prior("x", "1h")])
    waiting, other = ev("w", "payment_failed", "10:30"), ev("p", "payment_failed", known)
    for event in (other, waiting) if first else (waiting, other):
        store.run(both).batch(event)
    store.run(both).batch(ev("x", "x", "10:15"))
    expected = {"10:00": ["w"], "10:30": ["p", "w"], "11:00": ["p"]}[known]
    assert store.decisions() == [f"{key} both sent by x" for key in expected]


def test_another_users_fact_is_no_fact(store: Store) -> None:
    """However alike the users' ids are."""
    for user in ("u_1 ", "U_1", "u_", "u_11"):
        store.run(NUDGE).batch(ev("s", "signup", user_id=user))
    store.run(NUDGE).batch(LINK)
    store.run(NUDGE).batch(ev("s", "signup", user_id="U_1 "))
    assert store.decisions() == []


@pytest.mark.parametrize("backfill", [True, False])
def test_a_late_decision_belongs_to_the_run_that_made_it(store: Store, backfill: bool) -> None:
    """An archive that brings the fact makes the request historical, whatever the first run was."""
    store.run(NUDGE, backfill=not backfill).batch(LINK)
    store.run(NUDGE, backfill=backfill).batch(SIGNUP)
    (request,) = store.rows(SendRequest)
    assert request.status == ("historical" if backfill else "requested")


def test_an_event_without_an_id_of_its_own_waits_like_any_other(store: Store) -> None:
    """It is re-opened with everything that a condition may ask for, and still has no id."""
    rule = make_rule(
        name="rich",
        on="link",
        when=[
            {"field": "event.event_id", "missing": True},
            field("event.source", "equals", "app"),
            field("properties.a.b", "equals", 1.5),
            field("user_traits.marketing_opt_in", "equals", expected=True),
            field("user_traits.tags", "missing", expected=True),
            field("event.event_timestamp", "gte", "2025-11-01T13:00:00+01:00"),
            prior("signup", "24h"),
        ],
    )
    link = ev("", "link", "12:00", source="app", properties={"a": {"b": 1.5}}) | {"event_id": None}
    store.run(rule).batch(link)
    store.run(rule).batch(SIGNUP)
    assert len(store.decisions()) == 1

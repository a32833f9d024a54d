"""A cap looks at all earlier requests of that user and template in that window, whichever rules made them."""

from collections.abc import Iterator
from typing import Any

import pytest

from marketing_cli.models import SendRequest, Suppression
from support.deciding import make_rule, prior
from support.events import make_event
from support.processing import Store, open_store

NONE = {"limit": "none"}
EVER = {"limit": "once_ever"}
DAILY = {"limit": "once_per_calendar_day"}
LISBON = DAILY | {"timezone": "Europe/Lisbon"}
NEW_YORK = DAILY | {"timezone": "America/New_York"}
ST_JOHNS = DAILY | {"timezone": "America/St_Johns"}
TOKYO = DAILY | {"timezone": "Asia/Tokyo"}
HELD = {"once_ever": "already_sent_once_ever", "once_per_calendar_day": "daily_cap_reached"}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The test's database, opened to be written to."""
    with open_store(database_url) as opened:
        yield opened


def ev(key: str, at: str = "10:00", **more: Any) -> dict[str, Any]:
    """A failed payment of 1 July 2025 at this time of day or, with a `T` in it, of that moment."""
    return make_event(
        event_id=key,
        event_type="payment_failed",
        event_timestamp=at if "T" in at else f"2025-07-01T{at}:00Z",
        **more,
    )


# What a run with one limit leaves to a later run with another: a limit and the moments at which it made requests, then
# the other limit and, in arrival order, what comes of events under it.
CHANGES: list[tuple[str, dict[str, Any], list[str], dict[str, Any], list[str]]] = [
    ("none to daily", NONE, ["08:00", "09:00"], DAILY, ["held 23:59", "sent 2025-07-02T00:00:00Z"]),
    ("none to daily, an earlier event", NONE, ["08:00"], DAILY, ["held 00:00", "sent 2025-06-30T23:59:59Z"]),
    ("none to ever", NONE, ["08:00"], EVER, ["held 1970-01-01T00:00:00Z"]),
    ("none to ever, nothing yet", NONE, [], EVER, ["sent 08:00", "held 09:00"]),
    ("ever to daily", EVER, ["08:00"], DAILY, ["held 09:00", "sent 2025-07-02T09:00:00Z"]),
    ("ever to none", EVER, ["08:00"], NONE, ["sent 08:00", "sent 09:00"]),
    ("daily to none", DAILY, ["08:00"], NONE, ["sent 08:00", "sent 09:00"]),
    ("daily to ever", DAILY, ["08:00"], EVER, ["held 9999-12-31T23:59:59.999999Z"]),
    (
        "UTC to Lisbon, the hour before midnight",
        DAILY,
        ["23:30"],
        LISBON,
        ["held 2025-07-02T22:59:59Z", "sent 2025-07-01T22:59:59.999999Z", "sent 2025-07-02T23:00:00Z"],
    ),
    (
        "UTC to Lisbon, midday",
        DAILY,
        ["12:00"],
        LISBON,
        ["held 2025-06-30T23:00:00Z", "sent 2025-07-01T23:00:00Z", "sent 2025-06-30T22:59:59.999999Z"],
    ),
    (
        "Lisbon to UTC",
        LISBON,
        ["2025-06-30T23:30:00Z"],
        DAILY,
        ["sent 2025-07-01T00:00:00Z", "held 2025-06-30T00:00:00Z"],
    ),
    (
        "one zone to another",
        TOKYO,
        ["2025-07-01T03:59:59.999999Z"],
        NEW_YORK,
        ["sent 2025-07-01T04:00:00Z", "held 2025-06-30T04:00:00Z"],
    ),
    ("two zones' requests on one new day", TOKYO, ["14:59", "15:00"], DAILY, ["held 00:00"]),
    (
        "the last microsecond of a day",
        NONE,
        ["2025-07-01T23:59:59.999999Z"],
        DAILY,
        ["held 00:00", "sent 2025-07-02T00:00:00Z"],
    ),
    ("the first moment of a day", NONE, ["00:00"], DAILY, ["held 23:59", "sent 2025-06-30T23:59:59.999999Z"]),
    (
        "a day of 25 hours",
        NONE,
        ["2025-10-25T23:00:00Z"],
        LISBON,
        ["held 2025-10-26T23:59:59.999999Z", "sent 2025-10-27T00:00:00Z"],
    ),
    (
        "a day of 23 hours",
        NONE,
        ["2025-03-30T00:00:00Z"],
        LISBON,
        ["held 2025-03-30T22:59:59.999999Z", "sent 2025-03-30T23:00:00Z"],
    ),
    (
        "a day that midnight interrupts",
        NONE,
        ["2010-11-07T02:45:00Z"],
        ST_JOHNS,
        ["sent 2010-11-07T03:30:00Z", "held 2010-11-07T02:30:30Z", "held 2010-11-06T12:00:00Z"],
    ),
    ("the last moment there is", NONE, ["9999-12-31T23:59:59.999999Z"], DAILY, ["held 9999-12-31T00:00:00Z"]),
    (
        "the last moment there is, east of Greenwich",
        NONE,
        ["9999-12-31T23:59:59.999999Z"],
        TOKYO,
        ["held 9999-12-31T15:00:00Z"],
    ),
    (
        "the first moment there is",
        NONE,
        ["1970-01-01T00:00:00Z"],
        NEW_YORK,
        ["held 1970-01-01T04:59:59Z", "sent 1970-01-01T05:00:00Z"],
    ),
]


@pytest.mark.parametrize(
    ("first", "before", "second", "after"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_a_new_limit_counts_what_was_requested_under_the_old_one(
    store: Store, first: dict[str, Any], before: list[str], second: dict[str, Any], after: list[str]
) -> None:
    """A request lies in a day by its event's timestamp in the deciding rule's zone, and always in *ever*."""
    old, new = store.run(make_rule(name="r", **first)), store.run(make_rule(name="r", **second))
    words = {"sent": "sent", "held": HELD.get(second["limit"])}
    expected = [f"{number} r {words[text.split()[0]]}" for number, text in enumerate(after)]
    for size in (1, 100):
        sooner = [ev(f"old-{number}", at, user_id=f"u_{size}") for number, at in enumerate(before)]
        later = [ev(f"{size}-{number}", text.split()[1], user_id=f"u_{size}") for number, text in enumerate(after)]
        assert len(old.batch(*sooner).decisions) == len(before)
        new.batches(later, size)
        told = [text.removeprefix(f"{size}-") for text in store.decisions() if text.startswith(f"{size}-")]
        assert told == expected


@pytest.mark.parametrize("size", [1, 100])
def test_days_that_midnight_interrupts_do_not_depend_on_the_batch_size(store: Store, size: int) -> None:
    """Where clocks went back over midnight, two stretches of time are one day and the minute between is another."""
    run = store.run(make_rule(name="r", **ST_JOHNS))
    moments = ["2010-11-07T02:45:00Z", "2010-11-07T02:30:30Z", "2010-11-07T03:30:00Z", "2010-11-06T12:00:00Z"]
    run.batches([ev(f"e{number}", at) for number, at in enumerate(moments)], size)
    assert store.decisions() == ["e0 r sent", "e1 r sent", "e2 r daily_cap_reached", "e3 r daily_cap_reached"]


def test_the_blocking_request_is_named_whichever_rules_made_it(store: Store) -> None:
    """Its number is kept, its time and event are told; suppressions block nothing."""
    store.run(make_rule(name="old", **NONE)).batch(ev("evt_81", "10:41"))
    store.run(make_rule(name="new", **DAILY)).batch(ev("b", "12:00"))
    store.run(make_rule(name="newer", **EVER)).batch(ev("c", "2025-07-02T12:00:00Z"))
    (request,) = store.rows(SendRequest)
    daily, ever = store.rows(Suppression)
    assert daily.blocking_request_id == ever.blocking_request_id == request.id
    assert daily.suppression_reason == "skipped T: already sent today at 10:41Z (event evt_81)"
    assert ever.suppression_reason == "skipped T: already sent at 2025-07-01T10:41:00Z (event evt_81)"


@pytest.mark.parametrize("second", [NONE, DAILY, EVER])
def test_another_template_or_user_has_a_cap_of_its_own(store: Store, second: dict[str, Any]) -> None:
    """However alike their names are."""
    store.run(make_rule("T", name="r", **NONE)).batch(ev("a"))
    run = store.run(make_rule("T", name="r", **second), make_rule("t", name="s", **second))
    run.batch(ev("b", user_id="u_2"), ev("c", user_id="U_1"))
    assert {text.split()[2] for text in store.decisions()} == {"sent"}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (EVER, NONE, "already_sent_for_event"),
        (DAILY, NONE, "already_sent_for_event"),
        (NONE, NONE, "already_sent_for_event"),
        (NONE, DAILY, "daily_cap_reached"),
        (NONE, EVER, "already_sent_once_ever"),
    ],
)
def test_one_event_gets_a_template_once_over_all_versions(
    store: Store, first: dict[str, Any], second: dict[str, Any], outcome: str
) -> None:
    """A rule that a late fact opens for an event finds the request that another rule made for it, long ago."""
    waiting = make_rule(name="waiting", when=[prior("signup", "24h")], **first)
    store.run(make_rule(name="at_once", **first), waiting).batch(ev("a", "12:00"))
    waiting_now = make_rule(name="waiting", when=[prior("signup", "24h")], **second)
    store.run(make_rule(name="at_once", **second), waiting_now).batch(ev("s") | {"event_type": "signup"})
    assert store.decisions() == ["a at_once sent", f"a waiting {outcome} by s"]


def test_a_request_of_one_version_is_not_made_again_by_the_next(store: Store) -> None:
    """The same events again, under other rules, are duplicates: nothing is decided."""
    store.run(make_rule(name="r", **DAILY)).batch(ev("a"), ev("b"))
    outcome = store.run(make_rule("OTHER", name="s", **NONE)).batch(ev("a"), ev("b"))
    assert (outcome.duplicates, outcome.decisions) == (2, [])


def test_a_decision_keeps_its_rules_version(store: Store) -> None:
    """Each version is kept once, and each decision names the one that made it."""
    for number, limit in enumerate([NONE, DAILY, NONE]):
        store.run(make_rule(name="r", **limit)).batch(ev(f"e{number}", f"0{number}:00"))
    first, third = store.rows(SendRequest)
    (second,) = store.rows(Suppression)
    assert first.rules_version_id == third.rules_version_id != second.rules_version_id

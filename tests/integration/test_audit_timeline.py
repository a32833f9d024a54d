"""`mmsg audit --user USER`: what is known of a user, by the events' own time."""

from typing import Any

import pytest

from support.auditing import audit, audit_page, change, failed_payment, link, signup, store
from support.ingesting import run_here


def ids(shapes: list[dict[str, Any]]) -> list[str | None]:
    """The event ids of events, decisions or lines."""
    return [shape["event_id"] for shape in shapes]


def payments(number: int) -> list[dict[str, Any]]:
    """Failed payments of u_1 on successive days, the last day first."""
    return [
        failed_payment(event_id=f"p{day}", event_timestamp=f"2025-11-{day:02}T10:00:00Z")
        for day in range(number, 0, -1)
    ]


def test_everything_by_event_time(database_url: str) -> None:
    """Whatever order it arrived in; another user's events are not there."""
    store(database_url, failed_payment(), link(), signup(), signup(user_id="u_2"))
    found = audit(database_url, "--user", "u_1")
    assert ids(found["events"]) == ["signup", "link", "payment"]
    assert [(d["event_id"], d["template"], d["status"], d["late"]) for d in found["message_decisions"]] == [
        ("signup", "WELCOME_EMAIL", "requested", False),
        ("link", "BANK_LINK_NUDGE_SMS", "requested", True),
        ("payment", "INSUFFICIENT_FUNDS_EMAIL", "requested", False),
    ]
    assert (found["rejects"], found["more"]) == ([], False)


def test_a_suppression_and_a_historical_request(database_url: str) -> None:
    """Each is what it is, with its reason."""
    store(database_url, failed_payment(), options=("--backfill",))
    store(database_url, failed_payment(event_id="again", event_timestamp="2025-11-01T14:00:00Z"))
    first, second = audit(database_url, "--user", "u_1")["message_decisions"]
    assert (first["status"], first["historical"]) == ("requested", True)
    assert (second["status"], second["reason_code"]) == ("suppressed", "daily_cap_reached")
    assert second["reason"].endswith("already sent today at 13:00Z (event payment, an archive's: recorded, never sent)")


@pytest.mark.parametrize(("limit", "shown", "more"), [(2, 2, True), (5, 5, False), (6, 5, False), (0, 5, False)])
def test_the_limit_keeps_the_newest(database_url: str, limit: int, shown: int, more: bool) -> None:
    """The newest events by their own time, oldest first, with the decisions on them and no others; a note if cut."""
    store(database_url, *payments(5))
    done = run_here("audit", "--user", "u_1", "--limit", str(limit), "--json", url=database_url)
    found = done.json()
    expected = [f"p{day}" for day in range(1, 6)][-shown:]
    assert ids(found["events"]) == ids(found["message_decisions"]) == expected
    assert found["more"] is more
    assert ("--limit 0" in done.stderr) is more


def test_refused_lines(database_url: str) -> None:
    """Whose user is legible is there, with its bytes, and its time if that is legible; the newest ones."""
    bad = [
        signup(event_id="a", event_timestamp="yesterday"),
        signup(event_id="b", event_type=None),
        signup(event_id="c", properties=[]),
        signup(event_id="d", user_id=None),
    ]
    store(database_url, *bad, exit_code=3)
    found = audit(database_url, "--user", "u_1")
    assert [(kept["event_id"], kept["event_type"], kept["event_timestamp"]) for kept in found["rejects"]] == [
        ("a", "signup_completed", None),
        ("b", None, "2025-11-01T10:00:00Z"),
        ("c", "signup_completed", "2025-11-01T10:00:00Z"),
    ]
    assert '"yesterday"' in found["rejects"][0]["raw"]
    cut = audit(database_url, "--user", "u_1", "--limit", "1")
    assert (ids(cut["rejects"]), cut["more"]) == (["c"], True)


def test_bytes_that_are_not_utf8(database_url: str) -> None:
    """They are in base64, and the text is null."""
    line = b'{"user_id": "u_1", "event_type": "\xff"}\n'
    good = b'{"user_id": "u_1", "event_type": "t", "event_timestamp": "2025-11-01T10:00:00Z"}\n'
    assert run_here("ingest", "-", url=database_url, stdin=line + good).exit_code == 3
    change(database_url, "UPDATE rejects SET user_id = 'u_1'")
    (kept,) = audit(database_url, "--user", "u_1")["rejects"]
    assert kept["raw"] is None
    assert kept["raw_base64"] == "eyJ1c2VyX2lkIjogInVfMSIsICJldmVudF90eXBlIjogIv8ifQ=="


def test_a_user_known_from_refused_lines_alone(database_url: str) -> None:
    """Is a user, not an error."""
    store(database_url, signup(event_timestamp="yesterday"), exit_code=3)
    found = audit(database_url, "--user", "u_1")
    assert (found["events"], len(found["rejects"])) == ([], 1)
    assert "rejected" in audit_page(database_url, "--user", "u_1")


def test_deleted_events(database_url: str) -> None:
    """Their decisions stay on the timeline without an event, newest up to the limit."""
    store(database_url, *payments(5))
    change(database_url, "DELETE FROM events WHERE event_key <> 'p3'")
    found = audit(database_url, "--user", "u_1")
    assert ids(found["events"]) == ["p3"]
    assert ids(found["message_decisions"]) == [None, None, "p3", None, None]
    cut = audit(database_url, "--user", "u_1", "--limit", "1")
    assert [d["event_timestamp"][:10] for d in cut["message_decisions"]] == ["2025-11-03", "2025-11-05"]
    assert cut["more"]
    assert "2025-11-05" in audit_page(database_url, "--user", "u_1")
    change(database_url, "DELETE FROM events")
    assert len(audit(database_url, "--user", "u_1")["message_decisions"]) == 5


def test_decisions_from_before_what_is_shown(database_url: str) -> None:
    """Where events are cut, decisions on deleted older events are left out too, and there is more."""
    store(database_url, *payments(5))
    change(database_url, "DELETE FROM events WHERE event_key = 'p1'")
    found = audit(database_url, "--user", "u_1", "--limit", "2")
    assert ids(found["message_decisions"]) == ["p4", "p5"]
    assert found["more"]


def test_events_of_one_moment_are_in_arrival_order(database_url: str) -> None:
    """And each is followed by its own decisions on the page."""
    same = [failed_payment(event_id=key, properties={"attempt_number": 3}) for key in ("b", "a")]
    store(database_url, *same)
    assert ids(audit(database_url, "--user", "u_1")["events"]) == ["b", "a"]
    lines = audit_page(database_url, "--user", "u_1").split("Timeline:")[1].splitlines()[2:]
    assert [(line.split()[1], line.split()[-1]) for line in lines] == [
        ("event", "b"),
        ("requested", "b"),
        ("event", "a"),
        ("requested", "a"),
    ]

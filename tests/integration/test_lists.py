"""Which rows the lists have, in which order, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.events import make_event, write_events
from support.ingesting import ingest
from support.listing import STORY, change, filled_once, listed, set_times

SENDS_TIMES = ("2025-11-05 10:00:00", "2025-11-05 10:00:00", "2025-11-05 10:00:00", "2025-11-06 00:00:00")
SUPPRESSIONS_TIMES = ("2025-11-05 23:59:59", "2025-11-06 00:00:00")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Runs the module's tests on each database, with one filled database of each kind."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The story, as if decided on 5 and 6 November 2025, the line of run 3 refused again by run 6; only to be read."""
    folder = tmp_path_factory.mktemp("story")
    with filled_once(request, database_kind, folder) as story:
        ingest(story, folder / "broken_0.ndjson", exit_code=3)
        set_the_past(story)
        yield story


def set_the_past(database_url: str) -> None:
    """Run 1 began on the first of the month, run 2 on the second; decisions and kept lines came later."""
    set_times(database_url, "send_requests", "decided_at", *SENDS_TIMES)
    set_times(database_url, "suppressions", "decided_at", *SUPPRESSIONS_TIMES)
    set_times(
        database_url, "rejects", "created_at", "2025-11-05 10:00:00", "2025-11-06 10:00:00", "2025-11-07 10:00:00"
    )
    set_times(database_url, "runs", "started_at", *(f"2025-11-0{run} 10:00:00.000000" for run in range(1, 7)))


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("", [4, 3, 2, 1]),
        ("--limit 2", [4, 3]),
        ("--limit 4", [4, 3, 2, 1]),
        ("--limit 0", [4, 3, 2, 1]),
        ("--user u_2", [3, 2]),
        ("--user u_4", []),
        ("--template WELCOME_EMAIL", [4, 1]),
        ("--template welcome_email", []),
        ("--channel internal_alert", [3]),
        ("--run 2", [4]),
        ("--run 99", []),
        ("--user u_2 --channel email --run 1", [2]),
        # Decided at 10:00:00 sharp: --since is included, --until is not.
        ("--since 2025-11-05T10:00:00Z", [4, 3, 2, 1]),
        ("--since 2025-11-05T11:00:00+01:00", [4, 3, 2, 1]),
        ("--since 2025-11-05T10:00:00.000001Z", [4]),
        ("--until 2025-11-05T10:00:00Z", []),
        ("--until 2025-11-05T10:00:00.000001Z", [3, 2, 1]),
        ("--until 2025-11-06T00:00:00Z", [3, 2, 1]),
        ("--since 2025-11-06T00:00:00Z --until 2025-11-07T00:00:00Z", [4]),
        ("--since 2h", []),
        ("--until 2h --limit 1", [4]),
    ],
)
def test_sends_are_filtered_newest_decision_first(url: str, options: str, ids: list[int]) -> None:
    """Each option narrows the list; decisions of the same moment are in the order they were made, turned round."""
    assert [row["id"] for row in listed(url, "sends", *options.split())] == ids


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("", [2, 1]),
        ("--limit 1", [2]),
        ("--user u_1", [1]),
        ("--reason-code daily_cap_reached", [2]),
        ("--reason-code already_sent_for_event", []),
        ("--template WELCOME_EMAIL", [1]),
        ("--channel sms", []),
        ("--run 1", [2, 1]),
        ("--since 2025-11-06T00:00:00Z", [2]),
        ("--user u_1 --since 2025-11-06T00:00:00Z", []),
    ],
)
def test_suppressions_are_filtered_newest_decision_first(url: str, options: str, ids: list[int]) -> None:
    """As with sends, and by reason code."""
    assert [row["id"] for row in listed(url, "suppressions", *options.split())] == ids


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        ("", ["bad_json", "bad_utf8", "missing_field"]),
        ("--limit 2", ["bad_json", "bad_utf8"]),
        ("--limit 0", ["bad_json", "bad_utf8", "missing_field"]),
        ("--reason bad_utf8", ["bad_utf8"]),
        ("--reason too_deep", []),
        ("--user u_9", ["missing_field"]),
        ("--run 4", ["bad_utf8"]),
        ("--run 3", ["missing_field"]),
        ("--run 6", ["missing_field"]),
        ("--run 1", []),
        ("--since 2025-11-06T10:00:00Z", ["bad_json", "bad_utf8"]),
        ("--until 2025-11-06T10:00:00Z", ["missing_field"]),
    ],
)
def test_rejects_are_filtered_last_kept_first(url: str, options: str, reasons: list[str]) -> None:
    """A line refused again is found by its first run and by its last."""
    assert [row["reason"] for row in listed(url, "rejects", *options.split())] == reasons


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ("", [6, 5, 4, 3, 2, 1]),
        ("--limit 1", [6]),
        ("--limit 0", [6, 5, 4, 3, 2, 1]),
        ("--since 2025-11-03T10:00:00Z", [6, 5, 4, 3]),
        ("--until 2025-11-03T10:00:00Z", [2, 1]),
        ("--since 2h", []),
    ],
)
def test_runs_are_filtered_last_begun_first(url: str, options: str, runs: list[int]) -> None:
    """By when they started."""
    assert [row["run_id"] for row in listed(url, "runs", *options.split())] == runs


def test_a_runs_inputs_are_its_own_in_the_order_they_were_read(database_url: str, tmp_path: Path) -> None:
    """Several runs on a page do not mix theirs."""
    paths = [str(write_events(tmp_path / f"{name}.ndjson", make_event(event_id=name))) for name in "bac"]
    ingest(database_url, *paths)
    ingest(database_url, paths[1])
    rows = listed(database_url, "runs", "--limit", "0")
    assert [[entry["path"] for entry in row["inputs"]] for row in rows] == [[paths[1]], paths]


def rows_of(*rows: tuple[Any, ...], kind: str) -> list[dict[str, Any]]:
    """Counts as `--summary --json` gives them."""
    return [dict(zip(("template", kind, "day", "count"), row, strict=True)) for row in rows]


SENDS_BY_DECISION = rows_of(
    ("WELCOME_EMAIL", "historical", "2025-11-06", 1),
    ("HIGH_RISK_ALERT", "requested", "2025-11-05", 1),
    ("INSUFFICIENT_FUNDS_EMAIL", "requested", "2025-11-05", 1),
    ("WELCOME_EMAIL", "requested", "2025-11-05", 1),
    kind="status",
)
SENDS_BY_EVENT = rows_of(
    ("HIGH_RISK_ALERT", "requested", "2025-11-01", 1),
    ("INSUFFICIENT_FUNDS_EMAIL", "requested", "2025-11-01", 1),
    ("WELCOME_EMAIL", "historical", "2025-11-01", 1),
    ("WELCOME_EMAIL", "requested", "2025-11-01", 1),
    kind="status",
)
SUPPRESSED_BY_DECISION = rows_of(
    ("INSUFFICIENT_FUNDS_EMAIL", "daily_cap_reached", "2025-11-06", 1),
    ("WELCOME_EMAIL", "already_sent_once_ever", "2025-11-05", 1),
    kind="reason_code",
)
SUPPRESSED_BY_EVENT = rows_of(
    ("WELCOME_EMAIL", "already_sent_once_ever", "2025-11-02", 1),
    # 23:59:59.999Z
    ("INSUFFICIENT_FUNDS_EMAIL", "daily_cap_reached", "2025-11-01", 1),
    kind="reason_code",
)


@pytest.mark.parametrize(
    ("command", "options", "counts"),
    [
        ("sends", "", SENDS_BY_DECISION),
        ("sends", "--by-event-day", SENDS_BY_EVENT),
        ("sends", "--limit 1", SENDS_BY_DECISION[:1]),
        ("sends", "--limit 0", SENDS_BY_DECISION),
        ("sends", "--user u_1", SENDS_BY_DECISION[3:]),
        ("suppressions", "", SUPPRESSED_BY_DECISION),
        ("suppressions", "--by-event-day", SUPPRESSED_BY_EVENT),
        ("suppressions", "--since 2025-11-06T00:00:00Z", SUPPRESSED_BY_DECISION[:1]),
        ("suppressions", "--since 2025-11-06T00:00:00Z --by-event-day", SUPPRESSED_BY_EVENT[1:]),
        ("suppressions", "--user u_4", []),
    ],
)
def test_a_summary_counts_by_template_kind_and_day_of_utc(url: str, command: str, options: str, counts: Any) -> None:
    """Of the decision, or of the event; the time options go by the decision either way."""
    assert listed(url, command, "--summary", *options.split()) == counts


def test_a_summary_counts_what_is_alike_together(database_url: str, tmp_path: Path) -> None:
    """Ten signups of ten users are one row."""
    events = [make_event(event_id=f"evt_{number}", user_id=f"u_{number}") for number in range(10)]
    ingest(database_url, write_events(tmp_path / "events.ndjson", *events))
    ((row),) = listed(database_url, "sends", "--summary", "--by-event-day")
    assert (row["template"], row["day"], row["count"]) == ("WELCOME_EMAIL", "2025-11-01", 10)


def test_decisions_outlive_their_events(database_url: str, tmp_path: Path) -> None:
    """Once events are deleted their requests and suppressions are still listed, without what only the events knew."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", *STORY))
    for table in ("suppressions", "send_requests"):
        change(database_url, f"UPDATE {table} SET event_id = NULL")  # noqa: S608 - as deleting the events does
    change(database_url, "DELETE FROM event_properties")
    change(database_url, "DELETE FROM user_traits")
    change(database_url, "DELETE FROM events")
    (suppression,) = listed(database_url, "suppressions", "--user", "u_1")
    assert (suppression["event_id"], suppression["email"]) == (None, None)
    assert suppression["event_timestamp"] == "2025-11-02T10:00:00Z"
    assert suppression["blocked_by"] == {
        "send_request_id": 1,
        "event_id": None,
        "event_timestamp": "2025-11-01T10:00:00Z",
    }


def test_one_id_under_two_users_is_not_mixed_up(database_url: str, tmp_path: Path) -> None:
    """Each decision shows its own user's event."""
    events = [
        make_event(user_id=user, user_traits={"marketing_opt_in": True, "email": f"{user}@example.com"})
        for user in ("u_1", "u_2")
    ]
    ingest(database_url, write_events(tmp_path / "events.ndjson", *events))
    rows = listed(database_url, "sends")
    assert [(row["user_id"], row["event_id"], row["email"]) for row in rows] == [
        ("u_2", "evt_1", "u_2@example.com"),
        ("u_1", "evt_1", "u_1@example.com"),
    ]


def test_an_event_without_an_id_is_listed_by_its_key(database_url: str, tmp_path: Path) -> None:
    """The key is what `audit` finds it by."""
    event = make_event()
    del event["event_id"]
    ingest(database_url, write_events(tmp_path / "events.ndjson", event))
    (row,) = listed(database_url, "sends")
    assert len(row["event_id"]) == 64

"""Timestamps: RFC 3339 and our deviations from it, by name; local times; the edges of the calendar."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from marketing_cli.schemas.event import EventIn
from marketing_cli.schemas.timestamps import parse_timestamp
from support.events import make_event

CASES = json.loads((Path(__file__).parents[2] / "data/json_schema_formats/date-time.json").read_bytes())[0]["tests"]

# RFC 3339 has leap seconds and any year; the suite calls everything valid that is not text.
DEVIATIONS = {
    "a valid date-time with a leap second, UTC": "bad_value",
    "a valid date-time with a leap second, with minus offset": "bad_value",
    "a valid date-time string": "timestamp_out_of_range",
    "a valid date-time string without second fraction": "timestamp_out_of_range",
    "a valid date-time string with plus offset": "timestamp_out_of_range",
    "case-insensitive T and Z": "timestamp_out_of_range",
    "all string formats ignore integers": "bad_value",
    "all string formats ignore floats": "bad_value",
    "all string formats ignore objects": "bad_value",
    "all string formats ignore arrays": "bad_value",
    "all string formats ignore booleans": "bad_value",
    "all string formats ignore nulls": "missing_field",
}


@pytest.fixture
def outcome(parse: Callable[..., Any]) -> Callable[..., Any]:
    """The moment that a timestamp is read as, or the reason why it is not."""

    def outcome(timestamp: Any, zone: str | None = None) -> Any:
        result = parse(make_event(event_timestamp=timestamp), zone)
        return result.event_timestamp if isinstance(result, EventIn) else result.reason.value

    return outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["description"])
def test_rfc_3339_suite(case: dict[str, Any], outcome: Callable[..., Any]) -> None:
    """Valid timestamps are read, others are bad values; where we deviate, a reason says so."""
    expected = DEVIATIONS.get(case["description"], None if case["valid"] else "bad_value")
    found = outcome(case["data"])
    assert (None if isinstance(found, datetime) else found) == expected


def test_deviations_are_of_the_suite() -> None:
    """No deviation names a case that is not there, and only valid cases can be deviated from."""
    assert set(DEVIATIONS) <= {case["description"] for case in CASES if case["valid"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-01T10:00:00Z", "2025-11-01T10:00:00+00:00"),
        ("2025-11-01t10:00:00z", "2025-11-01T10:00:00+00:00"),
        ("2025-11-01 10:00:00+01:00", "2025-11-01T09:00:00+00:00"),
        ("2025-11-01T00:30:00+01:00", "2025-10-31T23:30:00+00:00"),
        ("2025-11-01T10:00:00-00:00", "2025-11-01T10:00:00+00:00"),
        ("2025-11-01T10:00:00+23:59", "2025-10-31T10:01:00+00:00"),
        ("2025-11-01T10:00:00.1Z", "2025-11-01T10:00:00.100000+00:00"),
        ("2025-11-01T10:00:00.9999999Z", "2025-11-01T10:00:00.999999+00:00"),
        ("2025-11-01T10:00:00." + "9" * 5000 + "+01:00", "2025-11-01T09:00:00.999999+00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
        ("1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_read_as_utc(text: str, expected: str, outcome: Callable[..., Any]) -> None:
    """A timestamp becomes its instant in UTC, cut to microseconds."""
    found = outcome(text)
    assert (found.isoformat(), found.tzinfo) == (expected, UTC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2025-11-01T10:00:00", "naive_timestamp"),
        ("1969-12-31T23:59:59Z", "timestamp_out_of_range"),
        ("1970-01-01T00:00:00+00:01", "timestamp_out_of_range"),
        ("9999-12-31T23:59:59-01:00", "timestamp_out_of_range"),
        ("0001-01-01T00:00:00+01:00", "timestamp_out_of_range"),
        ("0000-01-01T00:00:00Z", "timestamp_out_of_range"),
        ("10000-01-01T00:00:00Z", "bad_value"),
        ("-001-01-01T00:00:00Z", "bad_value"),
        ("2025-02-29T00:00:00Z", "bad_value"),
        ("2025-11-01T24:00:00Z", "bad_value"),
        ("2025-11-01T23:59:60Z", "bad_value"),
        ("2025-11-01", "bad_value"),
        ("2025-11-01T10:00Z", "bad_value"),
        ("20251101T100000Z", "bad_value"),
        ("2025-W44-6T10:00:00Z", "bad_value"),
        ("2025-11-01_10:00:00Z", "bad_value"),
        ("2025-11-01T10:00:00,5Z", "bad_value"),
        ("2025-11-01T10:00:00.Z", "bad_value"),
        ("2025-11-01T10:00:00+0100", "bad_value"),
        ("2025-11-01T10:00:00+24:00", "bad_value"),
        ("2025-11-01T10:00:00+01:60", "bad_value"),
        ("2025-11-01T10:00:00 Z", "bad_value"),
        ("2025-11-01T10:00:00Z\n", "bad_value"),
        (" 2025-11-01T10:00:00Z", "bad_value"),
        ("2025-11-01T10:00:00[Europe/Lisbon]", "bad_value"),
        ("2025-11-01T10:00:0\u0661Z", "bad_value"),
        ("", "bad_value"),
        ("1714564800", "bad_value"),
        ("1.7e9", "bad_value"),
        (1714564800, "bad_value"),
        (1714564800.5, "bad_value"),
        (True, "bad_value"),
        (["2025-11-01T10:00:00Z"], "bad_value"),
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/Lisbon"])
def test_refused(value: Any, reason: str, zone: str | None, outcome: Callable[..., Any]) -> None:
    """Anything else is refused; an assumed zone only helps a timestamp that has no offset."""
    expected = datetime(2025, 11, 1, 10, tzinfo=UTC) if reason == "naive_timestamp" and zone else reason
    assert outcome(value, zone) == expected


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2025-07-01T10:00:00", "Europe/Lisbon", "2025-07-01T09:00:00+00:00"),
        ("2025-10-26 01:30:00.5", "Europe/Lisbon", "2025-10-26T00:30:00.500000+00:00"),
        ("2025-11-02T01:30:00", "America/New_York", "2025-11-02T05:30:00+00:00"),
        ("2025-10-26T01:30:00Z", "Europe/Lisbon", "2025-10-26T01:30:00+00:00"),
        ("2025-03-30T01:30:00", "Europe/Lisbon", "bad_value"),
        ("2011-12-30T12:00:00", "Pacific/Apia", "bad_value"),
        ("1970-01-01T00:30:00", "Europe/Paris", "timestamp_out_of_range"),
        ("0001-01-01T00:00:00", "Asia/Tokyo", "timestamp_out_of_range"),
        ("9999-12-31T23:59:59", "America/New_York", "timestamp_out_of_range"),
    ],
)
def test_local_times(local: str, zone: str, expected: str, outcome: Callable[..., Any]) -> None:
    """Of two instants with one local time it is the earlier; a time that was skipped does not exist."""
    found = outcome(local, zone)
    assert (found.isoformat() if isinstance(found, datetime) else found) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2025-11-01T23:59:60Z", "leap second"),
        ("2025-11-01T10:00:00", "--assume-timezone"),
        ("2025-02-30T00:00:00Z", "calendar"),
        ("1969-01-01T00:00:00Z", "1970 to 9999"),
        ("yesterday", "2025-11-01T10:00:00Z"),
    ],
)
def test_says_what_is_allowed(text: str, words: str, refuse: Callable[..., Any]) -> None:
    """The detail names the field and what to write instead, and not what was written."""
    detail = refuse(make_event(event_timestamp=text)).detail
    assert detail.startswith("event_timestamp: ")
    assert words in detail
    assert text not in detail


def test_programs_may_give_a_datetime() -> None:
    """An aware datetime is taken as its instant; a naive one is as good as text without an offset."""
    moment = datetime(2025, 11, 1, 10, tzinfo=timezone(timedelta(hours=1)))
    assert EventIn.model_validate(make_event(event_timestamp=moment)).event_timestamp.isoformat() == (
        "2025-11-01T09:00:00+00:00"
    )
    with pytest.raises(ValidationError, match="has no time zone"):
        EventIn.model_validate(make_event(event_timestamp=moment.replace(tzinfo=None)))


def test_zone_of_a_moment_is_utc_itself() -> None:
    """A moment that is in UTC already is handed on as it is."""
    moment = datetime(2025, 11, 1, tzinfo=UTC)
    assert parse_timestamp(moment) is moment

"""Instants and durations read well and are never ambiguous."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from marketing_cli.domain.texts import human_duration, z


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2025, 11, 1, 10, tzinfo=UTC), "2025-11-01T10:00:00Z"),
        (datetime(2025, 11, 1, 10, 0, 0, 500_000, tzinfo=UTC), "2025-11-01T10:00:00.500Z"),
        (datetime(2025, 11, 1, 10, 0, 0, 1, tzinfo=UTC), "2025-11-01T10:00:00.000001Z"),
        (datetime(2025, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2025-10-31T23:30:00Z"),
        (datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01T00:00:00Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_instants_are_utc(instant: datetime, expected: str) -> None:
    """Every instant is in UTC with a Z, with no more digits than it needs."""
    assert z(instant) == expected


def test_an_instant_without_a_zone_is_refused() -> None:
    """Guessing a zone would be wrong for somebody."""
    with pytest.raises(ValueError, match="time zone"):
        z(datetime(2025, 11, 1))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(0), "0 s"),
        (timedelta(microseconds=9), "9 µs"),
        (timedelta(milliseconds=250), "250 ms"),
        (timedelta(seconds=1, milliseconds=590), "1 s"),
        (timedelta(seconds=59.999), "59 s"),
        (timedelta(minutes=10, seconds=5), "10 m 5 s"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=26, minutes=10, seconds=59), "26 h 10 m"),
        (timedelta(days=2) - timedelta(seconds=1), "47 h 59 m"),
        (timedelta(days=2, hours=3), "2 d 3 h"),
        (timedelta(days=400), "400 d"),
        (timedelta(minutes=-5), "5 m"),
    ],
)
def test_durations_in_two_units(duration: timedelta, expected: str) -> None:
    """The two largest units are enough, and nothing is rounded up."""
    assert human_duration(duration) == expected
